"""Store one address per mailbox, in ASCII.

Of several accounts with the same mailbox, one keeps the address. The addresses of the others are
set aside under a domain that cannot receive mail; see `manage.py check_email_addresses`.
"""

from itertools import count

from django.db import migrations

from users.accounts.identifiers import SET_ASIDE_DOMAIN
from users.accounts.migrations._canonical_emails import affected, canonicalize_links, mailbox_of

MAX_LENGTH = 254


def canonicalize(apps, _schema_editor):
    User = apps.get_model("accounts", "User")
    EmailAddress = apps.get_model("accounts", "EmailAddress")
    claims = {}
    for row in affected(User.objects.order_by("pk").only("email", "email_verified_at")):
        mailbox = mailbox_of(row.email, was_mailed=row.email_verified_at is not None)
        claims.setdefault(mailbox, []).append(row)
    for row in affected(EmailAddress.objects.order_by("pk")):
        claims.setdefault(mailbox_of(row.email, was_mailed=True), []).append(row)
    set_aside = list(claims.pop(None, ()))
    for row in set_aside:
        _set_aside(row, "@".join(map(_in_ascii, row.email.rpartition("@")[::2])), (User, EmailAddress))
    for mailbox, rows in claims.items():
        ours = {(type(row), row.pk) for row in rows}
        for model in (User, EmailAddress):
            rows += [row for row in model.objects.filter(email=mailbox) if (model, row.pk) not in ours]
        # Verified addresses first, then the oldest account: UUIDv7 are ordered by time.
        owner = _owner(min(rows, key=lambda row: (_verified_at(row) is None, _owner(row))))
        kept, *twins = sorted((row for row in rows if _owner(row) == owner), key=_is_secondary)
        others = [row for row in rows if _owner(row) != owner]
        for row in others:
            _set_aside(row, mailbox, (User, EmailAddress))
        set_aside += others
        for row in twins:
            row.delete()
        if kept.email != mailbox:
            type(kept).objects.filter(pk=kept.pk).update(email=mailbox)
        if twins and _verified_at(kept) is None:
            User.objects.filter(pk=kept.pk).update(email_verified_at=twins[0].verified_at)
    if set_aside:
        print(f"\n    E-mail addresses set aside: {len(set_aside)}; see manage.py check_email_addresses")
    canonicalize_links(apps.get_model("accounts", "SignUp"))
    canonicalize_links(apps.get_model("accounts", "EmailChange"), "user")
    canonicalize_links(apps.get_model("accounts", "EmailAddition"), "user")
    canonicalize_links(apps.get_model("accounts", "Invitation"))


def _in_ascii(text):
    return text if text.isascii() else text.encode("punycode").decode("ascii").lower()


def _is_secondary(row):
    return hasattr(row, "user_id")


def _owner(row):
    return row.user_id if _is_secondary(row) else row.pk


def _verified_at(row):
    return row.verified_at if _is_secondary(row) else row.email_verified_at


def _is_taken(email, models):
    return any(model.objects.filter(email=email).exists() for model in models)


def _set_aside(row, mailbox, models):
    """Replace a row's address by an undeliverable one that contains the former address."""
    model = type(row)
    emails = (f"{mailbox}.{number}.{SET_ASIDE_DOMAIN}" for number in count(1))
    email = next(email for email in emails if not _is_taken(email, models))
    if len(email) > MAX_LENGTH:
        email = f"{model._meta.model_name}-{row.pk}@{SET_ASIDE_DOMAIN}"
    changes = {} if _is_secondary(row) else {"email_verified_at": None}
    model.objects.filter(pk=row.pk).update(email=email, **changes)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0015_ascii_emails'),
    ]

    operations = [
        migrations.RunPython(canonicalize, migrations.RunPython.noop),
    ]
