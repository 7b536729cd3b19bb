"""People: accounts, sign-up, profiles, groups."""
