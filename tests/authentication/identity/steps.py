"""The steps of clients, in any order, applied to the service and to the model."""

import datetime as dt

from django.utils import timezone
from hypothesis import strategies as st

from tests.accounts.test_email_change import CONFIRM
from tests.accounts.test_email_change import REQUEST as REQUEST_EMAIL_CHANGE
from tests.accounts.test_sign_up import SIGN_UP, VERIFY
from tests.accounts.test_username import CHANGE as CHANGE_USERNAME
from tests.authentication.identity.checks import ME
from tests.authentication.identity.clients import Clients, Mail, code_for, password_of
from tests.authentication.identity.drawing import (
    EMAILS,
    accounts,
    emails,
    from_machine,
    guesses,
    known_values,
    logins,
    mails,
    new_passwords,
    pending_log_ins,
    phrases,
    prefer,
    proofs,
    purposes,
    root,
    step,
    tokens,
    usernames,
)
from tests.authentication.identity.sessions import UNAUTHENTICATED
from tests.authentication.identity.state import Account, Tokens, canonical
from tests.authentication.identity.tables import age, token_of
from tests.authentication.test_ending_sessions import EVERYWHERE, OTHERS, REVOKE
from tests.authentication.test_password_reset import RESET
from tests.authentication.test_password_reset_mail import REQUEST as REQUEST_RESET
from tests.authentication.test_passwords import CHANGE as CHANGE_PASSWORD
from tests.authentication.test_passwords import REQUIRE as REQUIRE_RESET
from tests.authentication.test_suspension import REACTIVATE, REASON, SUSPEND
from tests.support.factories import PASSWORD, node_id
from tests.support.second_factors import (
    BEGIN_TOTP,
    CONFIRM_TOTP,
    LOG_IN,
    REAUTHENTICATE,
    REMOVE_TOTP,
    code_of,
)
from tests.support.second_factors import RESET as RESET_FACTORS
from tests.support.second_factors import VERIFY as VERIFY_FACTOR
from tests.support.signing_in import LOG_OUT, REFRESH
from users.accounts.models import EmailChange, SignUp, User
from users.accounts.tasks import prune_links
from users.authentication import tasks
from users.authentication.models import Session
from users.authentication.services.passwords import prepare_password_reset


class Steps(Clients):
    """All steps of a run."""

    # Minutes that may pass in one step.
    minutes: tuple[int, ...]

    # Sessions -----------------------------------------------------------------------------

    @step(3, tokens=tokens, is_repeated=st.booleans())
    def refresh(self, tokens: Tokens, *, is_repeated: bool) -> None:
        self._refresh(tokens.refresh)
        if is_repeated:
            self.world_is_as_modelled()
            self._refresh(tokens.refresh)

    def _refresh(self, secret: str) -> None:
        before = len(self.world.sessions)
        answer = self._call(REFRESH, token=secret)
        given = self._received(answer)
        problems = self.world.refresh(secret, given=given)
        self._compare(answer, problems, changes=len(self.world.sessions) < before)

    @step(2, login=logins, guess=guesses)
    def log_in(self, login: str, guess: str) -> None:
        password = password_of(self.world.account(login), guess)
        answer = self._call(LOG_IN, login=login, password=password)
        given, half = self._received(answer), answer.data["logIn"]["secondFactor"]
        waiting = half["mfaToken"] if half else None
        if waiting:
            self.waiting[waiting] = self.world.account(login)
        problems = self.world.log_in(login, password, given=given, waiting=waiting)
        self._compare(answer, problems)

    # Second factors -----------------------------------------------------------------------

    @step(2, tokens=tokens)
    def set_up_totp(self, tokens: Tokens) -> None:
        answer, access = self._call(BEGIN_TOTP, by=tokens.access), tokens.access
        problems = self.world.begin_totp(access)
        self._compare(answer, problems)
        if problems:
            return
        code = code_of(answer.data["beginTotpEnrollment"]["secret"])
        answer = self._call(CONFIRM_TOTP, by=access, code=code)
        self._compare(answer, [])
        self.world.set_up_totp(access, answer.data["confirmTotpEnrollment"]["recoveryCodes"])

    @step(2, token=pending_log_ins, guess=guesses, is_repeated=st.booleans())
    def second_step(self, token: str, guess: str, *, is_repeated: bool) -> None:
        """Complete a pending log-in by a recovery code; used codes and tokens are refused."""
        code = code_for(self.waiting[token], guess)
        self._second_step(token, code)
        if is_repeated:
            self.world_is_as_modelled()
            self._second_step(token, code)

    def _second_step(self, token: str, code: str) -> None:
        answer = self._call(VERIFY_FACTOR, token=token, factor={"recoveryCode": code})
        given = self._received(answer)
        self._compare(answer, self.world.second_step(token, code, given=given))

    @step(
        2,
        tokens=tokens | root,
        how=st.sampled_from(("password", "recoveryCode")),
        guess=guesses,
    )
    def reauthenticate(self, tokens: Tokens, how: str, guess: str) -> None:
        session = self.world.actor(tokens.access)
        account = session.account if session else None
        secret = (password_of if how == "password" else code_for)(account, guess)
        answer = self._call(REAUTHENTICATE, by=tokens.access, proof={how: secret})
        self._compare(answer, self.world.reauthenticate(tokens.access, how, secret))

    @step(tokens=tokens)
    def remove_totp(self, tokens: Tokens) -> None:
        answer = self._call(REMOVE_TOTP, by=tokens.access)
        self._compare(answer, self.world.remove_totp(tokens.access))

    @step(tokens=root, username=accounts)
    def reset_factors(self, tokens: Tokens, username: str) -> None:
        account = self.world.account(username)
        answer = self._call(RESET_FACTORS, by=tokens.access, id=user_node_id(account))
        self._compare(answer, self.world.reset_factors(tokens.access, account))

    # Ending -------------------------------------------------------------------------------

    @step(tokens=tokens, mail=mails, token=pending_log_ins)
    def confuse_tokens(self, tokens: Tokens, mail: Mail, token: str) -> None:
        """Use secrets in place of those of another kind; all are refused."""
        for secret in (tokens.access, mail.token, token):
            self._refresh(secret)
        for secret in (tokens.refresh, mail.token, token):
            self._compare(self._call(ME, by=secret), UNAUTHENTICATED)

    @step(tokens=tokens, how=st.sampled_from(("log out", "others", "everywhere")))
    def leave(self, tokens: Tokens, how: str) -> None:
        access = tokens.access
        if how == "log out":
            self._compare(self._call(LOG_OUT, by=access), self.world.log_out(access))
            return
        answer = self._call(OTHERS if how == "others" else EVERYWHERE, by=access)
        problems = self.world.revoke_all(access, but_this=how == "others")
        self._compare(answer, problems)
        if not problems:
            (payload,) = answer.data.values()
            assert payload["count"] == self.world.ended

    @step(tokens=tokens | root, session=tokens)
    def revoke_session(self, tokens: Tokens, session: Tokens) -> None:
        name = node_id(Session(session.session_id))
        answer = self._call(REVOKE, by=tokens.access, id=name)
        self._compare(answer, self.world.revoke(tokens.access, session.session_id))

    # Mailed links -------------------------------------------------------------------------

    @step(2, email=emails, username=usernames, password=phrases, rival=st.none() | usernames)
    def sign_up(self, email: str, username: str, password: str, rival: str | None) -> None:
        """Sign up; a rival who requests the same address gets a separate link."""
        self._sign_up(email, username, password)
        if rival:
            self.world_is_as_modelled()
            self._sign_up(email, rival, PASSWORD)

    def _sign_up(self, email: str, username: str, password: str) -> None:
        values = {"email": email, "username": username, "password": password}
        answer = self._call(SIGN_UP, input=values)
        token = token_of(SignUp, email=canonical(email))
        self._compare(answer, self.world.sign_up(email, username, password, token=token))
        self._mailed("verify", token)

    @step(2, email=prefer(known_values("email"), emails), mails=st.sampled_from((1, 0, 2)))
    def request_reset(self, email: str, mails: int) -> None:
        """Request a reset, whose mail may be delivered late and more than once."""
        self._compare(self._call(REQUEST_RESET, email=email), self.world.request_reset(email))
        account = self.world.account(email)
        if account is None or account.id is None:
            return
        for _mail in range(mails):
            reset = prepare_password_reset(account.id)
            self._mailed("reset", reset.token if reset else "")
            self.world.mail_reset(account, token=reset.token if reset else "")

    @step(2, tokens=tokens, email=prefer(st.sampled_from(EMAILS[2:]), emails), guess=guesses)
    def request_email_change(self, tokens: Tokens, email: str, guess: str) -> None:
        access, password = tokens.access, self._own_password(tokens, guess)
        answer = self._call(REQUEST_EMAIL_CHANGE, by=access, email=email, password=password)
        session = self.world.actor(access)
        token = token_of(EmailChange, user=session.account.id) if session else ""
        problems = self.world.request_email_change(access, email, password, token=token)
        self._compare(answer, problems)
        self._mailed("confirm", token)

    @step(4, mail=mails, purpose=purposes, new=new_passwords, proof=proofs, tokens=tokens)
    def use_link(
        self, mail: Mail, purpose: str | None, new: str, proof: str, tokens: Tokens
    ) -> None:
        """Use a link for its own purpose, or for another one."""
        purpose, token = purpose or mail.purpose, mail.token
        if purpose == "verify":
            self._verify(token, new, proof)
        elif purpose == "confirm":
            access = tokens.access if proof == "own" else None
            account = self.world.opened(self.world.email_changes, token)[0].account
            password = None if proof in {"own", "none"} else password_of(account, proof)
            answer = self._call(CONFIRM, by=access, token=token, password=password)
            problems = self.world.confirm_email_change(token, access=access, password=password)
            self._compare(answer, problems)
        else:
            answer = self._call(RESET, token=token, newPassword=new)
            self._compare(answer, self.world.reset(token, new))

    @step(mail=mails, new=new_passwords, username=usernames)
    def claim_sign_up(self, mail: Mail, new: str, username: str) -> None:
        """Open the link of a sign-up, perhaps another client's, and claim the account."""
        answer = self._call(VERIFY, token=mail.token, newPassword=new, username=username)
        problems = self.world.verify(mail.token, password=None, new=new, username=username)
        self._compare(answer, problems)

    def _verify(self, token: str, other: str, proof: str) -> None:
        """Confirm with the sign-up's password, none or another; perhaps with another name."""
        link, _problems = self.world.opened(self.world.sign_ups, token)
        password = {"right": link.password, "none": None}.get(proof, other)
        username = None if proof == "right" else link.username or None
        answer = self._call(VERIFY, token=token, password=password, username=username)
        problems = self.world.verify(token, password=password, new=None, username=username)
        self._compare(answer, problems)

    # Credentials --------------------------------------------------------------------------

    @step(tokens=tokens, guess=guesses, new=new_passwords)
    def change_password(self, tokens: Tokens, guess: str, new: str) -> None:
        access, password = tokens.access, self._own_password(tokens, guess)
        answer = self._call(CHANGE_PASSWORD, by=access, currentPassword=password, newPassword=new)
        self._compare(answer, self.world.change_password(access, password, new))

    @step(tokens=tokens, username=usernames, guess=guesses)
    def change_username(self, tokens: Tokens, username: str, guess: str) -> None:
        access, password = tokens.access, self._own_password(tokens, guess)
        answer = self._call(CHANGE_USERNAME, by=access, username=username, password=password)
        self._compare(answer, self.world.change_username(access, username, password))

    # Administration -----------------------------------------------------------------------

    @step(2, tokens=root, username=accounts | st.just("root"), hours=st.sampled_from((None, 2)))
    def suspend(self, tokens: Tokens, username: str, hours: int | None) -> None:
        account = self.world.account(username)
        until = dt.timedelta(hours=hours) if hours else None
        values = {"userId": user_node_id(account), "reason": REASON}
        if until:
            values["until"] = (timezone.now() + until).isoformat()
        answer = self._call(SUSPEND, by=tokens.access, input=values)
        self._compare(answer, self.world.suspend(tokens.access, account, until))

    @step(tokens=root, username=accounts)
    def reactivate(self, tokens: Tokens, username: str) -> None:
        account = self.world.account(username)
        answer = self._call(REACTIVATE, by=tokens.access, userId=user_node_id(account))
        self._compare(answer, self.world.reactivate(tokens.access, account))

    @step(tokens=root, username=accounts)
    def require_reset(self, tokens: Tokens, username: str) -> None:
        account = self.world.account(username)
        answer = self._call(REQUIRE_RESET, by=tokens.access, userId=user_node_id(account))
        self._compare(answer, self.world.require_reset(tokens.access, account))

    # Time ---------------------------------------------------------------------------------

    @step(3, minutes=from_machine(lambda m: m.minutes))
    def let_time_pass(self, minutes: int) -> None:
        time = dt.timedelta(minutes=minutes)
        age(time)
        self.world.pass_time(time)

    @step(is_redis_emptied=st.booleans())
    def do_chores(self, *, is_redis_emptied: bool) -> None:
        """Run the periodic tasks; Redis may be emptied, since it holds no required state."""
        if is_redis_emptied:
            self.redis.flushdb()
        prune_links()
        tasks.prune_password_resets()
        tasks.prune_sessions()
        tasks.prune_challenges()
        tasks.lift_suspensions()
        self.world.prune()


def user_node_id(account: Account | None) -> str:
    return node_id(User(pk=account.id) if account else User())
