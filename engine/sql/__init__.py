"""SQL that is compiled once and run often."""
