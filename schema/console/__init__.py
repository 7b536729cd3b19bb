"""The GraphiQL console, and its example operations."""
