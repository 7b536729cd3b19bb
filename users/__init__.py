"""The domain: people, how they sign in, where they belong and what they did."""
