"""What the steps of `tests.authentication.identity` are drawn from."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from tests.authentication.identity.model import WEAK
from tests.support.factories import PASSWORD

USERNAMES: Final = ("alice", "bob", "nina", "olga")
EMAILS: Final = tuple(f"{name}@example.org" for name in USERNAMES)
PHRASES: Final = (PASSWORD, "another phrase nobody would guess", "a third phrase of theirs")

M = TypeVar("M", bound=Callable[..., None])
# The name of a method and its arguments.
Step = tuple[str, dict[str, Any]]
# By that name, each as often as it is to be drawn.
STEPS: Final[dict[str, list[st.SearchStrategy[Step]]]] = {}


def from_machine(choices: Callable[[Any], Sequence[Any]]) -> st.SearchStrategy[Any]:
    """Draw what the machine knows of at the moment."""
    return st.runner().flatmap(lambda machine: st.sampled_from(choices(machine)))


def prefer(promising: st.SearchStrategy[Any], others: st.SearchStrategy[Any]) -> Any:
    """Draw what may lead somewhere, three times out of four."""
    return st.sampled_from((promising, promising, promising, others)).flatmap(lambda drawn: drawn)


def known_values(*names: str) -> st.SearchStrategy[str]:
    return from_machine(lambda m: [getattr(each, name) for each in m.others() for name in names])


phrases = st.sampled_from(PHRASES)
new_passwords = prefer(phrases, st.just(WEAK))
# What somebody enters who is asked for a password.
guesses = prefer(st.just("right"), st.sampled_from(("former", "wrong")))
# How whoever uses a link shows that what it is about is theirs.
proofs = prefer(st.sampled_from(("right", "own")), st.sampled_from(("former", "wrong", "none")))
usernames = st.sampled_from(USERNAMES)
people = prefer(known_values("username"), usernames)
emails = st.sampled_from((*EMAILS, " Nina@Example.ORG"))
logins = prefer(
    known_values("username", "email"), st.sampled_from((*USERNAMES, "Bob@example.org "))
)
# What was given to clients, the last first.
tokens = prefer(from_machine(lambda m: m.live_tokens()), from_machine(lambda m: m.tokens[::-1]))
root = prefer(from_machine(lambda m: [m.root]), tokens)
mails = prefer(from_machine(lambda m: m.open_mails()), from_machine(lambda m: m.mails[::-1]))
half_log_ins = from_machine(lambda m: [*m.waiting][::-1])
purposes = prefer(st.none(), st.sampled_from(("verify", "reset", "confirm")))


def step(weight: int = 1, /, **arguments: st.SearchStrategy[Any]) -> Callable[[M], M]:
    """Make a step of a method."""

    def register(method: M) -> M:
        drawn = st.tuples(st.just(method.__name__), st.fixed_dictionaries(arguments))
        STEPS[method.__name__] = [drawn] * weight
        return method

    return register
