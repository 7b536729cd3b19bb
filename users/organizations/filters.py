"""Conditions on people that are about organisations."""

from typing import Any

from django.db.models import Exists, OuterRef, Q

from core.actor import Actor
from users.organizations.models import Membership


def has_membership(actor: Actor, **conditions: Any) -> Q:
    """Return the condition that a person has such a membership, and the actor may see it."""
    memberships = Membership.objects.visible_to(actor)
    return Q(Exists(memberships.filter(user=OuterRef("pk"), **conditions)))
