"""Forms of users, metadata and profiles whose fields differ from Django's defaults."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.core.exceptions import ValidationError
from django.db.models import Manager
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from users.accounts.services.set_change import SetChange
from users.accounts.services.validation import time_zones
from users.admin.forms import ServiceForm


def set_change_from_form(form: ServiceForm, name: str, *, held: Manager[Any]) -> SetChange:
    """Return the difference between a form's initial and submitted keys of a relation.

    ``held`` is the relation as stored: keys that another user has removed since the page was
    rendered are not removed again, and keys added since then are kept.
    """
    shown = {str(getattr(key, "pk", key)) for key in form.initial_value(name) or ()}
    keys = held.values_list("pk", flat=True)
    chosen = {row.pk for row in form.cleaned_data[name]}
    added = frozenset(key for key in chosen if str(key) not in shown)
    return SetChange(added, frozenset(key for key in keys if str(key) in shown) - chosen)


def _time_zone_choices() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(time_zones())]


class NewUserForm(ServiceForm):
    """The arguments of `create_user`."""

    password = forms.CharField(
        label=_("Password"),
        help_text=password_validators_help_text_html(),
        strip=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}),
    )


class MetadataForm(ServiceForm):
    """The arguments of `change_metadata`."""

    def initial_metadata(self, kinds: Iterable[str]) -> dict[str, Any]:
        """Return the JSON that the page was rendered with; empty objects for a new row."""
        if self.is_new:
            return {kind: {} for kind in kinds}
        return {kind: self._initial_json(kind) for kind in kinds}

    def _initial_json(self, kind: str) -> Any:
        value = self.initial_value(kind)
        if isinstance(value, dict):
            return value
        try:
            return self.fields[kind].to_python(value)
        except ValidationError:
            # No page rendered this value. None never equals metadata, so the service rejects it.
            return None


class ProfileForm(ServiceForm):
    """The arguments of `update_profile` that are stored on the profile."""

    locale = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=_time_zone_choices, widget=UnfoldAdminSelect2Widget
    )

    class Meta:
        """The widgets; the fields are those of the admin's `fieldsets`."""

        widgets: ClassVar = {"bio": UnfoldAdminTextareaWidget(attrs={"rows": 4})}
