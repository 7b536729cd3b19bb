"""Demo data: generated users, and accounts to sign in with, of `make run`."""
