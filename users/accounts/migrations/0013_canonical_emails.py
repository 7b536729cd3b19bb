"""One mailbox has one stored address: that in ASCII.

Accounts whose addresses turn out to be one mailbox are kept. One of them keeps the address; that of
the others is set aside, under a domain that leads nowhere, see `manage.py check_email_addresses`.
"""

from itertools import count

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

from users.accounts.identifiers import SET_ASIDE_DOMAIN
from users.accounts.migrations._canonical_emails import affected, canonicalize_links, mailbox_of

ASCII_EMAIL = r"^[\x01-\x7f]+@[a-z0-9.:\[\]-]+$"
MAX_LENGTH = 254


def canonicalize(apps, _schema_editor):
    User = apps.get_model("accounts", "User")
    EmailAddress = apps.get_model("accounts", "EmailAddress")
    claims = {}
    for row in affected(User.objects.only("email", "email_verified_at")):
        mailbox = mailbox_of(row.email, was_mailed=row.email_verified_at is not None)
        claims.setdefault(mailbox, []).append(row)
    for row in affected(EmailAddress.objects.all()):
        claims.setdefault(mailbox_of(row.email, was_mailed=True), []).append(row)
    set_aside = list(claims.pop(None, ()))
    for row in set_aside:
        _set_aside(row, "@".join(map(_in_ascii, row.email.rpartition("@")[::2])))
    for mailbox, rows in claims.items():
        ours = {(type(row), row.pk) for row in rows}
        for model in (User, EmailAddress):
            rows += [row for row in model.objects.filter(email=mailbox) if (model, row.pk) not in ours]
        # Who proved to read it, then who came first: UUIDv7 grow with time.
        owner = _owner(min(rows, key=lambda row: (_verified_at(row) is None, _owner(row))))
        kept, *twins = sorted((row for row in rows if _owner(row) == owner), key=_is_further)
        others = [row for row in rows if _owner(row) != owner]
        for row in others:
            _set_aside(row, mailbox)
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


def _is_further(row):
    return hasattr(row, "user_id")


def _owner(row):
    return row.user_id if _is_further(row) else row.pk


def _verified_at(row):
    return row.verified_at if _is_further(row) else row.email_verified_at


def _set_aside(row, mailbox):
    """Give a row an address that leads nowhere and tells which one it had."""
    model = type(row)
    emails = (f"{mailbox}.{number}.{SET_ASIDE_DOMAIN}" for number in count(1))
    email = next(each for each in emails if not model.objects.filter(email=each).exists())
    if len(email) > MAX_LENGTH:
        email = f"{model._meta.model_name}-{row.pk}@{SET_ASIDE_DOMAIN}"
    changes = {} if _is_further(row) else {"email_verified_at": None}
    model.objects.filter(pk=row.pk).update(email=email, **changes)


class Migration(migrations.Migration):
    """The constraint comes first, lest an earlier release add rows that it refuses."""

    atomic = False

    dependencies = [
        ('accounts', '0012_labels'),
    ]

    operations = [
        AddConstraintNotValid(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('email__regex', ASCII_EMAIL)), name='user_email_ascii'),
        ),
        AddConstraintNotValid(
            model_name='emailaddress',
            constraint=models.CheckConstraint(condition=models.Q(('email__regex', ASCII_EMAIL)), name='email_address_ascii'),
        ),
        migrations.RunPython(canonicalize, migrations.RunPython.noop, atomic=True),
        ValidateConstraint(model_name='user', name='user_email_ascii'),
        ValidateConstraint(model_name='emailaddress', name='email_address_ascii'),
    ]
