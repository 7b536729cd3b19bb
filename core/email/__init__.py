"""E-mail: addresses, messages and SMTP replies."""
