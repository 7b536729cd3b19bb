"""The domain: accounts, authentication, organisations, activity and privacy."""
