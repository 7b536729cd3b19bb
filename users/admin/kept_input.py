"""Keeps what was typed into a form while its user authenticates again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from django.http import HttpRequest

from core.security.crypto import UnsealError, seal, unseal
from users.admin.base import actor_of

PURPOSE: Final = "admin-input"
# Sealed, it must fit into a request (`DATA_UPLOAD_MAX_MEMORY_SIZE`).
MAX_LENGTH: Final = 60_000


@dataclass(frozen=True, slots=True)
class KeptInput:
    """The fields of a form that was submitted, and where."""

    url: str
    fields: Mapping[str, list[str]]

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return the input of a request, without passwords and files."""
        fields = {
            name: list(map(str, values))
            for name, values in request.POST.lists()
            if name != "csrfmiddlewaretoken" and "password" not in name
        }
        return cls(request.get_full_path(), fields)

    def sealed(self, request: HttpRequest) -> str:
        """Return it as text that only this user can use; empty if too long."""
        text = json.dumps([self.url, self.fields])
        if len(text) > MAX_LENGTH:
            return ""
        context = str(actor_of(request).user_id)
        return seal(text.encode(), purpose=PURPOSE, context=context)

    @classmethod
    def unsealed(cls, text: str, *, user_id: object) -> Self | None:
        """Return the input of a text, or None if it is another user's or empty."""
        try:
            url, fields = json.loads(unseal(text, purpose=PURPOSE, context=str(user_id)))
        except UnsealError:
            return None
        return cls(url, fields)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The names and values, for hidden fields."""
        return [(name, value) for name, values in self.fields.items() for value in values]
