"""Tables that tests hold the service against, written by hand."""
