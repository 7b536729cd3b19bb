"""Second factors over HTTP."""

import datetime as dt
from typing import Any, Final

import pyotp
from django.utils import timezone

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD, make_token
from users.accounts.models import User
from users.authentication.factors.one_time_codes import unseal_secret
from users.authentication.models import Session, Totp

ERRORS: Final = "errors { code field message }"
BEGIN_TOTP: Final = f"mutation {{ beginTotpEnrollment {{ secret uri qrCode {ERRORS} }} }}"
CONFIRM_TOTP: Final = f"""
    mutation ($code: String!) {{ confirmTotpEnrollment(input: {{code: $code}}) {{
      recoveryCodes user {{ username secondFactors }} {ERRORS}
    }} }}
"""
REMOVE_TOTP: Final = (
    f"mutation {{ removeTotp {{ user {{ secondFactors recoveryCodesLeft }} {ERRORS} }} }}"
)
REGENERATE: Final = f"mutation {{ regenerateRecoveryCodes {{ recoveryCodes {ERRORS} }} }}"
LOG_IN: Final = f"""
    mutation ($login: String!, $password: String!, $transport: Transport! = TOKEN) {{
      logIn(input: {{login: $login, password: $password, transport: $transport}}) {{
        accessToken refreshToken deviceToken user {{ username }}
        secondFactor {{ mfaToken methods expiresAt }} {ERRORS}
      }}
    }}
"""
VERIFY: Final = f"""
    mutation ($token: String!, $factor: SecondFactorInput!) {{
      verifySecondFactor(input: {{mfaToken: $token, factor: $factor}}) {{
        accessToken refreshToken deviceToken user {{ username }} {ERRORS}
      }}
    }}
"""
REAUTHENTICATE: Final = f"""
    mutation ($proof: ProofInput!) {{
      reauthenticate(input: {{proof: $proof}}) {{ user {{ username }} {ERRORS} }}
    }}
"""
RESET: Final = f"""
    mutation ($id: ID!) {{ resetSecondFactors(input: {{userId: $id}}) {{
      user {{ username secondFactors }} {ERRORS}
    }} }}
"""
FACTORS: Final = """{ me {
  secondFactors recoveryCodesLeft secondFactorDueAt totp { confirmedAt lastUsedAt }
  passkeys(first: 20) { nodes { id name isSyncable isBackedUp aaguid lastUsedAt } }
} }"""


def code_of(secret: str, *, later: int = 0) -> str:
    """Return the app's current code, or the one ``later`` steps ahead."""
    return pyotp.TOTP(secret).at(timezone.now(), counter_offset=later)


def wrong_code(secret: str) -> str:
    """Return a code that is invalid at all times near the present."""
    near = {code_of(secret, later=step) for step in range(-3, 4)}
    return next(code for code in (f"{number:06}" for number in range(10)) if code not in near)


def secret_of(user: User) -> str:
    return unseal_secret(Totp.objects.get(user=user).secret, user.pk)


def fresh_code(user: User) -> str:
    """Return an unused code of the user's app."""
    Totp.objects.filter(user=user).update(last_step=0)
    return code_of(secret_of(user))


def set_up_totp(client: GraphQLClient) -> tuple[str, list[str]]:
    """Set up an app for the client's user; return its secret and the recovery codes."""
    secret = client(BEGIN_TOTP).data["beginTotpEnrollment"]["secret"]
    answer = client(CONFIRM_TOTP, code=code_of(secret))
    assert answer.problems == []
    return secret, answer.data["confirmTotpEnrollment"]["recoveryCodes"]


def half_log_in(login: str = "alice", transport: str = "TOKEN") -> str:
    """Log in a user with a second factor by password; return the pending token."""
    answer = GraphQLClient()(LOG_IN, login=login, password=PASSWORD, transport=transport)
    assert answer.problems == []
    token: str = answer.data["logIn"]["secondFactor"]["mfaToken"]
    return token


def verify(token: str, client: GraphQLClient | None = None, **factor: Any) -> Answer:
    return (client or GraphQLClient())(VERIFY, token=token, factor=factor)


def log_in_fully(user: User) -> GraphQLClient:
    """Return a client that has logged in with password and code."""
    answer = verify(half_log_in(user.username), totp=fresh_code(user))
    assert answer.problems == []
    return GraphQLClient(answer.data["verifySecondFactor"]["accessToken"])


def strong_client(user: User) -> GraphQLClient:
    """Return a client with a recent two-factor session."""
    return GraphQLClient(make_token(User.objects.get(pk=user.pk)))


def age_authentication(minutes: int = 11) -> None:
    """Move the authentication of all sessions ``minutes`` into the past."""
    past = timezone.now() - dt.timedelta(minutes=minutes)
    Session.objects.update(authenticated_at=past)
    Session.objects.exclude(factor_at=None).update(factor_at=past)
