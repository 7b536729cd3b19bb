"""Kinds of clients. The data belongs to OWNER; USER is another signed-in user."""

from typing import Final

ANONYMOUS, USER, OWNER, STAFF, ADMINISTRATOR = KINDS = (
    *("anonymous", "user", "owner", "staff", "administrator"),
)
ALL_KINDS: Final = set(KINDS)
SIGNED_IN: Final = ALL_KINDS - {ANONYMOUS}
PRIVATE: Final = {OWNER, STAFF, ADMINISTRATOR}
STAFF_ONLY: Final = {STAFF, ADMINISTRATOR}
ADMINISTRATORS: Final = {ADMINISTRATOR}
OWN_AND_ADMINISTRATORS: Final = {OWNER, ADMINISTRATOR}
