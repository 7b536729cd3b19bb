"""The web server: a gunicorn worker with llhttp and non-blocking connections."""
