"""Forms of the dialogs on webhooks' pages; the services validate their input."""

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from users.activity.tags import Tag
from users.authentication.services.overlap import MAX_OVERLAP_MINUTES
from users.webhooks.models import Webhook
from users.webhooks.payloads import DEFAULT_SELECTION


class WebhookForm(BaseDialogForm):  # type: ignore[misc]
    """The arguments of `create_webhook` and `update_webhook`."""

    url = forms.CharField(label=_("URL"), widget=UnfoldAdminTextInputWidget())
    tags = forms.TypedMultipleChoiceField(
        label=capfirst(_("events")),
        choices=[(tag.value, tag.name) for tag in Tag],
        coerce=lambda value: Tag(value),  # type: ignore[call-arg]  # noqa: PLW0108
        widget=UnfoldAdminSelectMultipleWidget(attrs={"size": 10}),
    )
    selection = forms.CharField(
        label=capfirst(_("selection")),
        initial=DEFAULT_SELECTION,
        help_text=_("What is sent of an event: GraphQL on the type Event."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start with the values of the page's webhook."""
        super().__init__(*args, **kwargs)
        webhook = Webhook.objects.filter(pk=self.object_id).first() if self.object_id else None
        for name in ("url", "tags", "selection") if webhook else ():
            self.fields[name].initial = getattr(webhook, name)


class RotationForm(BaseDialogForm):  # type: ignore[misc]
    """How long the previous secret signs as well."""

    minutes = forms.IntegerField(
        label=capfirst(_("minutes")),
        initial=1_440,
        min_value=0,
        max_value=MAX_OVERLAP_MINUTES,
        help_text=_("How long the previous secret signs as well."),
        widget=UnfoldAdminIntegerFieldWidget(),
    )
