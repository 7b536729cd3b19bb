"""Background work of authentication."""

from celery import shared_task

from users.authentication.models import RefreshToken, Session


@shared_task(name="users.authentication.prune_sessions")
def prune_sessions() -> None:
    """Remove sessions and refresh tokens that have run out."""
    Session.objects.expired().delete()
    RefreshToken.objects.expired().delete()
