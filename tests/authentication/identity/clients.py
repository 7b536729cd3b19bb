"""Clients that store every secret they received and compare each response with the model."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import jwt

from tests.authentication.identity.checks import CheckedMachine, problems_of
from tests.authentication.identity.sessions import UNAUTHENTICATED
from tests.authentication.identity.state import Account, Problems, Tokens
from tests.authentication.identity.tables import rows
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD

WRONG: Final = "not the password"


@dataclass(frozen=True)
class Mail:
    """A mailed link; one of them is made up and was never mailed."""

    number: int
    purpose: str
    token: str = field(repr=False)


class Clients(CheckedMachine):
    """The clients' secrets, and their requests."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Tokens(0, "", "", UUID(int=0))
        self.tokens: list[Tokens] = []
        # Pending log-ins by their tokens.
        self.waiting: dict[str, Account | None] = {"never given out": None}
        self.mails = [Mail(0, "", "never:given-out")]

    def _call(self, query: str, *, by: str | None = None, **variables: Any) -> Answer:
        answer = GraphQLClient(by)(query, **variables)
        assert answer.status in {200, 401}
        assert "INTERNAL_ERROR" not in answer.codes
        return answer

    def _compare(self, answer: Answer, problems: Problems, *, changes: bool = False) -> None:
        """Check the response, and that a refusal changed no row unless ``changes``."""
        assert problems_of(answer) == problems
        assert (answer.status == 401) == (problems == UNAUTHENTICATED)
        if problems and not changes:
            assert rows() == self.rows

    def _mailed(self, purpose: str, token: str) -> None:
        if token and token not in [mail.token for mail in self.mails]:
            self.mails.append(Mail(len(self.mails), purpose, token))

    def _received(self, answer: Answer) -> Tokens | None:
        """Store the received tokens, with the session read from the access token's claims."""
        (payload,) = answer.data.values()
        access, refresh = payload["accessToken"], payload["refreshToken"]
        if access is None:
            return None
        claims = jwt.decode(access, options={"verify_signature": False})
        self.tokens.append(Tokens(len(self.tokens), access, refresh, UUID(claims["sid"])))
        return self.tokens[-1]

    def _own_password(self, tokens: Tokens, guess: str) -> str:
        session = self.world.actor(tokens.access)
        return password_of(session.account if session else None, guess)

    # Choices to draw from -----------------------------------------------------------------

    def others(self) -> list[Account]:
        """Return all users except Root."""
        return [account for account in self.world.accounts if not account.administers]

    def live_tokens(self) -> list[Tokens]:
        """Return the tokens of active sessions, used ones too, or else the newest tokens."""
        alive = [tokens for tokens in self.tokens if self.world.actor(tokens.access)]
        return alive[::-1] or self.tokens[-1:]

    def open_mails(self) -> list[Mail]:
        """Return mails with valid links, or else the newest mail."""
        links = (*self.world.sign_ups, *self.world.email_changes, *self.world.resets)
        mailed = {link.token for link in links}
        return [mail for mail in self.mails if mail.token in mailed][::-1] or self.mails[-1:]


def code_for(account: Account | None, guess: str) -> str:
    """Return an unused recovery code of the user, or a used one."""
    codes = {"right": account.codes, "former": account.used_codes} if account else {}
    return (codes.get(guess) or [WRONG])[-1]


def password_of(account: Account | None, guess: str) -> str:
    if guess == "right":
        return (account and account.password) or PASSWORD
    if guess == "former" and account and account.former_passwords:
        return account.former_passwords[-1] or WRONG
    return WRONG
