"""The throttles' Django app."""

from django.apps import AppConfig


class RateLimitConfig(AppConfig):
    """Registers the app under its short label."""

    name = "core.ratelimit"
    label = "ratelimit"
