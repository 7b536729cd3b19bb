"""What changes organisations: entry services, each in a transaction of its own."""
