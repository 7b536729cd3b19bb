"""The rule of organisations' names."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from users.accounts.services.validation import clean_name_of
from users.organizations.models import Organization


def clean_organization_name(name: str) -> str:
    """Return the name on one line. Raises `ValidationError`.

    Names appear in the subjects of mails to strangers, so links are rejected.
    """
    name = clean_name_of(Organization, "name", name)
    if "://" in name:
        raise ValidationError(_("Enter a name without a link."))
    return name
