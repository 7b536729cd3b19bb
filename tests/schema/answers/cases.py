"""A document, and the expected response for each client."""

from dataclasses import dataclass
from typing import Any, Final

# Clients: anonymous; of the Archers, Alice (owner), Dora (administrator) and Bob (member); Charlie,
# who is no member; Sam (staff); and Root (administrator of the service).
ACTORS: Final = ("anonymous", "alice", "dora", "bob", "charlie", "sam", "root")


@dataclass(frozen=True, slots=True)
class Case:
    """A document, and the expected data or error for each client."""

    about: str
    question: str
    answers: dict[str, dict[str, Any]]

    def body_for(self, actor: str) -> dict[str, Any]:
        """Return the expected body of the response."""
        (answer,) = (each for names, each in self.answers.items() if actor in names.split())
        return answer if "errors" in answer else {"data": answer}


def refusal(field: str, code: str, message: str) -> dict[str, Any]:
    """Return the body of an error at the document's first, non-null field."""
    return {
        "errors": [
            {
                "message": message,
                "locations": [{"line": 1, "column": 3}],
                "path": [field],
                "extensions": {"code": code},
            }
        ],
        "data": None,
    }


def sign_in_first(field: str) -> dict[str, Any]:
    return refusal(field, "UNAUTHENTICATED", "Sign in to do this.")


def not_allowed(field: str) -> dict[str, Any]:
    return refusal(field, "FORBIDDEN", "You are not allowed to do this.")
