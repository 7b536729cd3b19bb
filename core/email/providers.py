"""Providers whose HTTP API sends mails, through Anymail: the schemes of `EMAIL_URL`.

Amazon SES, SendGrid and others are reached by SMTP. "Providers by their API" in docs/decisions.md
has the reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit


class ProviderUrlError(ValueError):
    """A URL that does not suit its provider; the text quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What differs between providers."""

    # Anymail's, which also begins the names of its settings.
    name: str
    form: str
    backend: str
    webhook: str
    # The setting for each part of the URL; all are required, and no others are allowed.
    parts: Mapping[str, str]
    # Where the documented answer to an accepted mail has its id.
    message_id: tuple[str | int, ...]
    # The settings that the query may have, in lower case there.
    options: frozenset[str] = frozenset({"API_URL"})
    # What keeps our Message-ID; None if the provider refuses or replaces it.
    keep_message_id: Mapping[str, str] | None = None
    # What Anymail sends with each mail.
    defaults: Mapping[str, object] = field(default_factory=dict)
    # The field and the value by which a report says that a bounce is temporary.
    soft_bounce: tuple[str, object] | None = None

    def headers(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a mail that the provider accepts."""
        refused = {"date"} if self.keep_message_id is not None else {"date", "message-id"}
        accepted = {name: wanted[name] for name in wanted if name.lower() not in refused}
        return accepted | dict(self.keep_message_id or {})

    def has_accepted(self, answer: Any) -> bool:
        """Return whether the JSON of an answer has the id of the accepted mail."""
        for step in self.message_id:
            try:
                answer = answer[step]
            except (LookupError, TypeError):
                return False
        return type(answer) in {str, int} and bool(answer)

    def settings(self, url: SplitResult) -> dict[str, Any]:
        """Return Anymail's settings. Raises `ProviderUrlError`."""
        prefix = self.name.upper()
        given = {part: getattr(url, part) for part in ("username", "password", "hostname")}
        if {part for part in given if given[part]} != self.parts.keys() or url.path.strip("/"):
            raise ProviderUrlError(f"must be like {self.form}")
        settings = {
            f"{prefix}_{setting}": unquote(given[part]) for part, setting in self.parts.items()
        }
        for option, values in parse_qs(url.query, keep_blank_values=True).items():
            if option.upper() not in self.options or len(values) != 1:
                known = " and ".join(sorted(map(str.lower, self.options)))
                raise ProviderUrlError(f"may have only {known} in its query, once")
            settings[f"{prefix}_{option.upper()}"] = values[0]
        api_url = settings.get(f"{prefix}_API_URL", "https://")
        if urlsplit(api_url).scheme not in {"http", "https"}:
            raise ProviderUrlError("must have a URL as its api_url")
        return settings | {f"{prefix}_SEND_DEFAULTS": dict(self.defaults)}


# A link in a mail has a secret token, which a provider that counts clicks would store and serve.
UNTRACKED: Final = {"track_clicks": False, "track_opens": False}
PROVIDERS: Final[Mapping[str, Provider]] = {
    "brevo": Provider(
        name="Brevo",
        form="brevo://KEY@",
        backend="anymail.backends.brevo.EmailBackend",
        webhook="anymail.webhooks.brevo.BrevoTrackingWebhookView",
        parts={"username": "API_KEY"},
        message_id=("messageId",),
        # Its API has no parameter against tracking.
        soft_bounce=("event", "soft_bounce"),
    ),
    "mailgun": Provider(
        name="Mailgun",
        form="mailgun://KEY@mg.example.com",
        backend="anymail.backends.mailgun.EmailBackend",
        webhook="anymail.webhooks.mailgun.MailgunTrackingWebhookView",
        parts={"username": "API_KEY", "hostname": "SENDER_DOMAIN"},
        message_id=("id",),
        options=frozenset({"API_URL", "WEBHOOK_SIGNING_KEY"}),
        keep_message_id={},
        defaults=UNTRACKED,
    ),
    "mailjet": Provider(
        name="Mailjet",
        form="mailjet://KEY:SECRET@",
        backend="anymail.backends.mailjet.EmailBackend",
        webhook="anymail.webhooks.mailjet.MailjetTrackingWebhookView",
        parts={"username": "API_KEY", "password": "SECRET_KEY"},
        message_id=("Messages", 0, "To", 0, "MessageID"),
        defaults=UNTRACKED,
        soft_bounce=("hard_bounce", False),
    ),
    "postmark": Provider(
        name="Postmark",
        form="postmark://TOKEN@",
        backend="anymail.backends.postmark.EmailBackend",
        webhook="anymail.webhooks.postmark.PostmarkTrackingWebhookView",
        parts={"username": "SERVER_TOKEN"},
        message_id=("MessageID",),
        options=frozenset({"API_URL", "MESSAGE_STREAM"}),
        keep_message_id={"X-PM-KeepID": "true"},
        defaults=UNTRACKED,
        soft_bounce=("Type", "SoftBounce"),
    ),
}
