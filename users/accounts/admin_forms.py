"""Fields of the admin's forms that differ from what Django makes of the models."""

from typing import ClassVar

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from core.admin import ServiceForm
from users.accounts.services.validation import time_zones


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
