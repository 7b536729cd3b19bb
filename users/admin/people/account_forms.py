"""Fields of the admin's forms that differ from what Django makes of the models."""

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
    """Return what a form adds to a relation and removes from it, as its page showed it."""
    shown = {str(getattr(key, "pk", key)) for key in form.initial_value(name) or ()}
    keys = held.values_list("pk", flat=True)
    chosen = {row.pk for row in form.cleaned_data[name]}
    added = frozenset(key for key in chosen if str(key) not in shown)
    return SetChange(added, frozenset(key for key in keys if str(key) in shown) - chosen)


def _time_zone_choices() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(time_zones())]


class NewUserForm(ServiceForm):
    """What `create_user` takes."""

    password = forms.CharField(
        label=_("Password"),
        help_text=password_validators_help_text_html(),
        strip=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}),
    )


class MetadataForm(ServiceForm):
    """What `change_metadata` takes."""

    def initial_metadata(self, kinds: Iterable[str]) -> dict[str, Any]:
        """Return the JSON that the page was opened with: none where a row is added."""
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
            # No page showed this. It equals no metadata, so the service refuses it.
            return None


class ProfileForm(ServiceForm):
    """What `update_profile` takes of a profile."""

    locale = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=_time_zone_choices, widget=UnfoldAdminSelect2Widget
    )

    class Meta:
        """The rest comes from the model, and the fields from the admin's `fieldsets`."""

        widgets: ClassVar = {"bio": UnfoldAdminTextareaWidget(attrs={"rows": 4})}
