"""Configuration: the environment, logs and system checks."""
