"""The demo: believable people, and accounts to sign in with. Installed by `make run` only."""
