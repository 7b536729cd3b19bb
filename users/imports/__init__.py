"""User imports: accounts that move in from files and from other databases."""
