"""The demo's inbox: mails received by the SMTP sink, shown in the browser."""
