"""The request as our middleware leaves it."""

from django.http import HttpRequest

from core.actor import Actor


class ActorRequest(HttpRequest):
    """A request that knows who asks."""

    actor: Actor
