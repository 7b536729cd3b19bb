"""Webhooks: signed HTTP requests that tell other services about events."""
