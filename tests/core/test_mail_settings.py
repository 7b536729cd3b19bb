"""Settings of mail: URLs of servers and providers, and secrets of their webhooks."""

from pathlib import Path

import pytest

from core.configuration.env import BadSetting
from core.configuration.services import ServiceEnvironment


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail", 25, False, False),
        ("smtp+starttls://mail", 587, True, False),
        ("smtps://mail:4465", 4465, False, True),
    ],
)
def test_smtp_urls(url: str, port: int, tls: bool, ssl: bool) -> None:  # noqa: FBT001
    settings = ServiceEnvironment({"EMAIL_URL": url}).mail("EMAIL_URL", "", timeout=10)

    assert settings["EMAIL_HOST"] == "mail"
    assert settings["EMAIL_PORT"] == port
    assert (settings["EMAIL_USE_TLS"], settings["EMAIL_USE_SSL"]) == (tls, ssl)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("brevo://k%2Fey@", {"BREVO_API_KEY": "k/ey"}),
        (
            "mailgun://key@mg.example.com?api_url=https://api.eu.mailgun.net/v3",
            {
                "MAILGUN_API_KEY": "key",
                "MAILGUN_SENDER_DOMAIN": "mg.example.com",
                "MAILGUN_API_URL": "https://api.eu.mailgun.net/v3",
            },
        ),
        ("mailjet://k:s@", {"MAILJET_API_KEY": "k", "MAILJET_SECRET_KEY": "s"}),
        (
            "postmark://KEY@?message_stream=outbound",
            {"POSTMARK_SERVER_TOKEN": "KEY", "POSTMARK_MESSAGE_STREAM": "outbound"},
        ),
    ],
)
def test_urls_of_mail_providers(url: str, expected: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(url, encoding="utf-8")
    env = ServiceEnvironment({"EMAIL_URL_FILE": str(file)})
    settings = env.mail("EMAIL_URL", "", timeout=10)["ANYMAIL"]

    assert settings.pop("REQUESTS_TIMEOUT") == 10
    assert settings.pop("WEBHOOK_SECRET") == []
    assert {name: settings[name] for name in settings if "DEFAULTS" not in name} == expected


@pytest.mark.parametrize(
    "url",
    [
        *("postmark://hunter2", "postmark://hunter2@host", "postmark://a:hunter2@", "brevo://@"),
        *("mailjet://hunter2@", "mailjet://a:hunter2", "mailjet://a:hunter2@host", "brevo://a"),
        *("mailgun://a:hunter2@host", "mailgun://host", "brevo://hunter2@/path"),
        *(
            "brevo://a@?hunter2=1",
            "brevo://a@?api_url=http://x&api_url=hunter2",
            "brevo://a@?hunter2",
        ),
        *("brevo://a@?api_url=hunter2", "smtp://me:hunter2", "smtp://[hunter2"),
    ],
)
def test_invalid_urls_of_mail_reveal_no_secret(url: str) -> None:
    with pytest.raises(BadSetting, match="EMAIL_URL: ") as raised:
        ServiceEnvironment({"EMAIL_URL": url}).mail("EMAIL_URL", "", timeout=10)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("secrets", ["short", "x" * 31, f"{'x' * 32},y", "x" * 201, "ä" * 40])
def test_secrets_of_webhooks_are_long_and_fit_into_a_url(secrets: str) -> None:
    variables = {"EMAIL_URL": "brevo://key@", "MAIL_WEBHOOK_SECRETS": secrets}
    with pytest.raises(BadSetting, match="MAIL_WEBHOOK_SECRETS: must be of 32 to 200") as raised:
        ServiceEnvironment(variables).mail("EMAIL_URL", "", timeout=10)
    assert secrets not in str(raised.value)
