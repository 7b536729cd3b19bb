"""Types of accounts."""
