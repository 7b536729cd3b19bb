"""Demo data: generated users, and accounts to sign in with. Installed by `make run` only."""
