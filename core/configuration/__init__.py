"""Configuration: environment variables, logging and system checks."""
