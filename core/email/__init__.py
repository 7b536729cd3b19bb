"""E-mail: addresses, messages, and replies of SMTP servers."""
