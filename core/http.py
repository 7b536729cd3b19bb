"""The request as our middleware leaves it."""

from django.http import HttpRequest

from core.actor import Actor
from core.deadline import Deadline


class ActorRequest(HttpRequest):
    """A request that knows who asks, and by when it is to be answered."""

    actor: Actor
    deadline: Deadline
