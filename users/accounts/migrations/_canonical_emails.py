"""Helpers of the migrations to canonical addresses.

Addresses were stored as typed, folded by NFKC and to lower case, and mail was sent to the form of
Python's `idna` codec (IDNA 2003). A verified address was verified in that form, so the account keeps
that mailbox, even if the domain has another meaning in IDNA 2008 (`ß` was `ss`).
"""

import re

from django.core.exceptions import ValidationError
from django.db.models import Q

from core.email.addresses import canonical_email

ASCII_EMAIL = re.compile(r"[\x01-\x7f]+@[a-z0-9.:\[\]-]+")


def affected(rows):
    """Return the rows whose canonical address may differ: not ASCII, or quoted."""
    return rows.filter(Q(email__regex=r"[^\x01-\x7f]") | Q(email__startswith='"'))


def mailbox_of(email, *, was_mailed):
    """Return the canonical form of a stored address; None if it cannot receive mail."""
    local, _at, domain = email.rpartition("@")
    unquoted = f"{local[1:-1]}@{domain}" if local.startswith('"') else email
    forms = [_by_idna_2003(local, domain), _by_idna_2008(unquoted)]
    if email != unquoted or not was_mailed:
        forms.reverse()
    return next((form for form in forms if form), None)


def canonicalize_links(model, *others):
    """Rewrite the addresses of mailed links; ``others`` are unique with the address.

    Of two links for one mailbox the later one is kept. Links without a mailbox are deleted.
    """
    for link in affected(model.objects.order_by("-expires_at", "-pk")):
        email = mailbox_of(link.email, was_mailed=True)
        same = {name: getattr(link, name) for name in others}
        twins = model.objects.filter(email=email, **same).exclude(pk=link.pk)
        if email is None or twins.filter(expires_at__gte=link.expires_at).exists():
            link.delete()
        elif email != link.email:
            twins.delete()
            model.objects.filter(pk=link.pk).update(email=email)


def _by_idna_2003(local, domain):
    try:
        email = f"{local}@{domain.encode('idna').decode('ascii').lower()}"
    except UnicodeError:
        return None
    return email if ASCII_EMAIL.fullmatch(email) else None


def _by_idna_2008(email):
    try:
        return canonical_email(email)
    except ValidationError:
        return None
