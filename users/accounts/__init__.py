"""Users: accounts, sign-up, profiles, groups."""
