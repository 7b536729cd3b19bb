"""The demo's inbox: what the SMTP sink received, readable in the browser."""
