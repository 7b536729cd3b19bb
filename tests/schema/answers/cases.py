"""A question, and what each of the cast is told."""

from dataclasses import dataclass
from typing import Any, Final

# Who asks: nobody, Alice, who owns the Archers, Dora, who administers them, Bob, who belongs to
# them, Charlie, who does not, Sam, who is staff, and Root, who administers the service.
ACTORS: Final = ("anonymous", "alice", "dora", "bob", "charlie", "sam", "root")


@dataclass(frozen=True, slots=True)
class Case:
    """A document, and the data or the refusal for everybody; a key names one or several."""

    about: str
    question: str
    answers: dict[str, dict[str, Any]]

    def body_for(self, actor: str) -> dict[str, Any]:
        """Return the whole body of the response."""
        (answer,) = (each for names, each in self.answers.items() if actor in names.split())
        return answer if "errors" in answer else {"data": answer}


def refusal(field: str, code: str, message: str) -> dict[str, Any]:
    """Return the body that refuses a document's first field, which must not be null."""
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
