"""Mails to users, and what a refusal leaves at their addresses."""

from typing import Any

from core.email.message import Mail
from core.email.words import UNVERIFIED_READER
from tests.support.client import GraphQLClient
from tests.support.factories import make_token
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag

UNKNOWN = "550 5.1.1 unknown user"
TEXT = Mail(reader=UNVERIFIED_READER, subject="Hello", paragraphs=["#token=secret"])
FORGOT = """
    mutation ($email: String!) {
      requestPasswordReset(input: {email: $email}) { errors { code } }
    }
"""
ADDRESSES = "{ me { emailAddresses { email undeliverableAt } } }"


def reset(email: str) -> None:
    assert GraphQLClient()(FORGOT, email=email).problems == []


def shown_addresses(user: User) -> list[tuple[str, bool]]:
    """Return the user's addresses and marks, as the API returns them to the user."""
    shown = GraphQLClient(make_token(user))(ADDRESSES).data["me"]["emailAddresses"]
    return [(each["email"], each["undeliverableAt"] is not None) for each in shown]


def marks() -> list[tuple[str, Any]]:
    """Return the tags and subjects of the events about marks."""
    tags = (Tag.EMAIL_UNDELIVERABLE, Tag.EMAIL_DELIVERABLE)
    return list(Event.objects.filter(tag__in=tags).order_by("pk").values_list("tag", "subject"))
