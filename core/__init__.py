"""Infrastructure without knowledge of users."""

from core.celery import app as celery_app

__all__ = ["celery_app"]
