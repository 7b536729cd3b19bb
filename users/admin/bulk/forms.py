"""What starting a bulk action asks for in the admin."""

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

from core.errors import InputRejectedError
from core.security.actor import Actor
from core.web.forms import add_problems
from users.bulk.actions import ACTIONS, BulkActionKind
from users.bulk.models import BulkAction
from users.bulk.selection import Selection
from users.bulk.services.start import start_bulk_action


class BulkActionForm(forms.Form):
    """What `start_bulk_action` takes besides the selection; the rules are the service's."""

    kind = forms.ChoiceField(label=capfirst(_("action")), widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        label=capfirst(_("reason")),
        required=False,
        help_text=_("Of suspensions."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    until = forms.DateTimeField(
        label=capfirst(_("until")),
        required=False,
        help_text=_("Of suspensions. In UTC. Without it, until somebody lifts them."),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )
    group_id = forms.ModelChoiceField(
        Group.objects.order_by("name"),
        label=capfirst(_("group")),
        required=False,
        help_text=_("To put people into, or to take them out of."),
        widget=UnfoldAdminSelectWidget,
    )
    expected_count = forms.IntegerField(
        label=_("How many people?"),
        help_text=_("Enter the number above. If it is another one by then, nobody is touched."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    everybody = forms.BooleanField(
        label=_("I mean everybody"), required=False, widget=UnfoldBooleanWidget
    )

    def __init__(self, *args: Any, actor: Actor, selection: Selection) -> None:
        """Offer what the actor may do, and ask whether everybody is meant only if they are."""
        super().__init__(*args)
        self.actor, self.selection = actor, selection
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (str(kind), action.title) for kind, action in ACTIONS.items() if action.rule(actor)
        ]
        if not selection.is_open:
            del self.fields["everybody"]

    def start(self) -> BulkAction | None:
        """Start the action of a valid form; None if the service refused, which the form tells.

        Raises the errors of `start_bulk_action` that are about more than the input.
        """
        values = self.cleaned_data
        group = values["group_id"]
        try:
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
        except InputRejectedError as refusal:
            add_problems(self, refusal.problems)
            return None
