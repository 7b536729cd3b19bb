"""Classification of SMTP replies: temporary, permanent, and undeliverable address."""

import smtplib

import pytest

from core.email.smtp_replies import MailDelayedError, MailRefusedError, Stage, delay_of, error_of
from core.outbox.errors import REASON_MAX_LENGTH

SECRET = "https://roster.example/verify-email#token=secret dora@example.org"
ADDRESS, OTHER, DELAYED = "address", "other", "delayed"


def outcome_of(error: smtplib.SMTPException) -> str:
    result = error_of(error)
    assert "secret" not in str(result)
    assert "example" not in str(result)
    assert len(str(result)) <= REASON_MAX_LENGTH
    if isinstance(result, MailDelayedError):
        return DELAYED
    return ADDRESS if result.is_undeliverable else OTHER


def refused_at(stage: Stage, code: int, text: str) -> smtplib.SMTPException:
    reply = f"{text} {SECRET}".strip().encode()
    if stage is Stage.MAIL:
        return smtplib.SMTPSenderRefused(code, reply, "no-reply@example.org")
    if stage is Stage.RCPT:
        return smtplib.SMTPRecipientsRefused({"dora@example.org": (code, reply)})
    return smtplib.SMTPDataError(code, reply)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        # Classified by the enhanced status code (RFC 3463, RFC 7505, RFC 6531).
        (550, "5.1.1 User unknown", ADDRESS),
        (550, "5.1.2 Bad destination system", ADDRESS),
        (553, "5.1.3 Bad syntax", ADDRESS),
        (551, "5.1.6 Mailbox has moved", ADDRESS),
        (556, "5.1.10 Recipient address has null MX", ADDRESS),
        (550, "5.2.1 Mailbox disabled", ADDRESS),
        (552, "5.2.2 Mailbox full", ADDRESS),
        (550, "5.6.7 No internationalised addresses", ADDRESS),
        (550, "5.1.7 Bad sender's mailbox", OTHER),
        (550, "5.1.8 Bad sender's domain", OTHER),
        (552, "5.2.3 Message too large for the mailbox", OTHER),
        (552, "5.3.4 Message too large", OTHER),
        (550, "5.4.1 Access denied", OTHER),
        (503, "5.5.1 Bad sequence", OTHER),
        (554, "5.7.1 Relay access denied", OTHER),
        (550, "5.7.26 Not authenticated by SPF or DKIM", OTHER),
        (550, "5.7.54 Unable to relay", OTHER),
        # Classified by the reply, without an enhanced status code.
        (550, "No such user here", ADDRESS),
        (550, "Unrouteable address", ADDRESS),
        (551, "User not local", ADDRESS),
        (553, "Mailbox name not allowed", ADDRESS),
        (556, "Domain does not accept mail", ADDRESS),
        (550, "relay not permitted", OTHER),
        (550, "Blocked by our policy", OTHER),
        (554, "Transaction failed", OTHER),
        (500, "Command not recognized", OTHER),
        (555, "Parameters not recognized", OTHER),
        # Temporary.
        (530, "5.7.0 Authentication required", DELAYED),
        (535, "5.7.8 Bad credentials", DELAYED),
        (421, "4.3.2 Shutting down", DELAYED),
        (450, "4.2.0 Greylisted", DELAYED),
        (451, "4.7.1 Try again later", DELAYED),
        (452, "4.2.2 Mailbox full", DELAYED),
        (252, "Cannot verify", DELAYED),
        (-1, "no SMTP", DELAYED),
    ],
)
def test_replies_are_classified(code: int, text: str, expected: str) -> None:
    assert outcome_of(refused_at(Stage.RCPT, code, text)) == expected
    # A reply to MAIL never concerns the recipient.
    at_mail = {ADDRESS: OTHER}.get(expected, expected)
    assert outcome_of(refused_at(Stage.MAIL, code, text)) == at_mail
    # A reply to DATA does, if its enhanced status code says so.
    at_data = expected if ("5." in text[:2] and "5.6.7" not in text) else at_mail
    assert outcome_of(refused_at(Stage.DATA, code, text)) == at_data


def test_reason_contains_codes_only() -> None:
    error = error_of(refused_at(Stage.RCPT, 550, "5.1.1 <dora@example.org> unknown"))
    assert str(error) == "RCPT TO: 550 5.1.1"
    assert str(error_of(refused_at(Stage.DATA, 554, "5.7.123456 x"))) == "DATA: 554"


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPServerDisconnected(SECRET),
        smtplib.SMTPConnectError(554, f"5.7.1 {SECRET}"),
        smtplib.SMTPHeloError(550, SECRET),
        smtplib.SMTPAuthenticationError(535, f"5.7.8 {SECRET}"),
        smtplib.SMTPNotSupportedError("SMTP AUTH extension not supported by server."),
    ],
)
def test_errors_before_mail_are_temporary(error: smtplib.SMTPException) -> None:
    delayed = delay_of(error)
    assert isinstance(delayed, MailDelayedError)
    assert "secret" not in str(delayed)
    if not isinstance(error, smtplib.SMTPNotSupportedError):
        assert outcome_of(error) == DELAYED


def test_unsupported_address_is_permanent() -> None:
    error = error_of(smtplib.SMTPNotSupportedError("SMTPUTF8 not supported by server"))
    assert isinstance(error, MailRefusedError)
    assert error.is_undeliverable
