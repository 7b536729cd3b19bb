"""The GraphiQL console and the operations that it offers."""
