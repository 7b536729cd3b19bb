"""Strategies for the steps of `tests.authentication.identity` and their arguments."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from tests.authentication.identity.model import WEAK
from tests.support.factories import PASSWORD

USERNAMES: Final = ("alice", "bob", "nina", "olga")
EMAILS: Final = tuple(f"{name}@example.org" for name in USERNAMES)
PHRASES: Final = (PASSWORD, "another phrase no one would guess", "a third phrase of theirs")

M = TypeVar("M", bound=Callable[..., None])
# A method's name and its arguments.
Step = tuple[str, dict[str, Any]]
# Strategies by method name, repeated by weight.
STEPS: Final[dict[str, list[st.SearchStrategy[Step]]]] = {}


def from_machine(choices: Callable[[Any], Sequence[Any]]) -> st.SearchStrategy[Any]:
    """Draw from the machine's current choices."""
    return st.runner().flatmap(lambda machine: st.sampled_from(choices(machine)))


def prefer(promising: st.SearchStrategy[Any], others: st.SearchStrategy[Any]) -> Any:
    """Draw promising values with probability 3/4, else others."""
    return st.sampled_from((promising, promising, promising, others)).flatmap(lambda drawn: drawn)


def known_values(*names: str) -> st.SearchStrategy[str]:
    return from_machine(lambda m: [getattr(each, name) for each in m.others() for name in names])


phrases = st.sampled_from(PHRASES)
new_passwords = prefer(phrases, st.just(WEAK))
# Entered passwords.
guesses = prefer(st.just("right"), st.sampled_from(("former", "wrong")))
# Proofs of ownership sent with a link.
proofs = prefer(st.sampled_from(("right", "own")), st.sampled_from(("former", "wrong", "none")))
usernames = st.sampled_from(USERNAMES)
accounts = prefer(known_values("username"), usernames)
emails = st.sampled_from((*EMAILS, " Nina@Example.ORG"))
logins = prefer(
    known_values("username", "email"), st.sampled_from((*USERNAMES, "Bob@example.org "))
)
# Secrets that clients received, newest first.
tokens = prefer(from_machine(lambda m: m.live_tokens()), from_machine(lambda m: m.tokens[::-1]))
root = prefer(from_machine(lambda m: [m.root]), tokens)
mails = prefer(from_machine(lambda m: m.open_mails()), from_machine(lambda m: m.mails[::-1]))
pending_log_ins = from_machine(lambda m: [*m.waiting][::-1])
purposes = prefer(st.none(), st.sampled_from(("verify", "reset", "confirm")))


def step(weight: int = 1, /, **arguments: st.SearchStrategy[Any]) -> Callable[[M], M]:
    """Register the decorated method as a step, with the given weight."""

    def register(method: M) -> M:
        drawn = st.tuples(st.just(method.__name__), st.fixed_dictionaries(arguments))
        STEPS[method.__name__] = [drawn] * weight
        return method

    return register
