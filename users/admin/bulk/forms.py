"""The form that starts a bulk action."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from core.security.actor import Actor
from users.admin.jobs import JobForm
from users.bulk.actions import ACTIONS, BulkActionKind
from users.bulk.models import BulkAction
from users.bulk.services.start import start_bulk_action
from users.jobs.selection import Selection


class BulkActionForm(JobForm):
    """The arguments of `start_bulk_action` except the selection; the service validates them."""

    kind = forms.ChoiceField(label=capfirst(_("action")), widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        label=capfirst(_("reason")),
        required=False,
        help_text=_("For suspensions only."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    until = forms.DateTimeField(
        label=capfirst(_("until")),
        required=False,
        help_text=_(
            "For suspensions only, in UTC. If empty, the suspension lasts until it is lifted."
        ),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )
    group_id = forms.ModelChoiceField(
        Group.objects.order_by("name"),
        label=capfirst(_("group")),
        required=False,
        help_text=_("The group to add people to or remove them from."),
        widget=UnfoldAdminSelectWidget,
    )
    expected_count = forms.IntegerField(
        label=_("Number of people"),
        help_text=_("Enter the number shown above. If it has changed by then, nothing is done."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    everybody = forms.BooleanField(
        label=_("Apply to all people"), required=False, widget=UnfoldBooleanWidget
    )

    def __init__(self, *args: Any, actor: Actor, selection: Selection) -> None:
        """Offer the actions that the actor may start.

        A selection without a condition must be confirmed; otherwise that field is removed.
        """
        super().__init__(*args, actor=actor)
        self.selection = selection
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (str(kind), action.title) for kind, action in ACTIONS.items() if action.rule(actor)
        ]
        if not selection.is_open:
            del self.fields["everybody"]

    def start_valid(self) -> BulkAction:
        """Start the action. Raises the errors of `start_bulk_action`."""
        values = self.cleaned_data
        group = values["group_id"]
        return start_bulk_action(
            actor=self.actor,
            kind=BulkActionKind(values["kind"]),  # type: ignore[call-arg]
            arguments={
                "reason": values["reason"] or None,
                "until": values["until"],
                "group_id": None if group is None else group.pk,
            },
            selection=self.selection,
            everybody=values.get("everybody", False),
            expected_count=values["expected_count"],
        )
