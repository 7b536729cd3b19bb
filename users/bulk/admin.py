"""Bulk actions: begun on the list of people, and looked at on pages of their own."""

import json
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from core.admin import (
    DayFilter,
    MenuItem,
    ReadOnlyInline,
    RosterAdmin,
    Section,
    actor_of,
    administrators,
    gone_on,
)
from core.admin_filters import ChoicesFilter, RelatedFilter
from core.errors import (
    ArgumentInvalidError,
    DomainError,
    InputRejectedError,
    ReauthenticationRequiredError,
)
from users.accounts.models import User
from users.accounts.services.reauthentication import require_recent_proof
from users.authentication.admin_people import PersonAdmin
from users.bulk.admin_forms import BulkActionForm
from users.bulk.admin_selection import selection_of
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.policy import may_act_in_bulk
from users.bulk.selection import Selection
from users.bulk.services.ending import cancel_bulk_action
from users.bulk.services.starting import count_selected
from users.bulk.states import BulkActionState

# Beyond, the page tells only that there are more; the service counts as far as it is told to.
COUNTED_HERE: Final = 100_000
PEOPLE: Final = "admin:accounts_user_changelist"

# The app below registered its own, which knows of no selections.
admin.site.unregister(User)


@admin.register(User)
class SelectablePersonAdmin(PersonAdmin):
    """People, of whom all who are found can be acted upon."""

    actions_list = (*PersonAdmin.actions_list, "act_in_bulk")

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Offer it to those who may."""
        return may_act_in_bulk(actor_of(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead on with what the list was searched and filtered by."""
        response: HttpResponse = super().changelist_view(request, extra_context)
        for item in (getattr(response, "context_data", None) or {}).get("actions_list", ()):
            if not item["dialog"]:
                item["path"] = f"{item['path']}?{request.GET.urlencode()}"
        return response

    @action(  # type: ignore[untyped-decorator]
        description=_("Act on all of these"),
        url_path="act-in-bulk",
        icon="group_work",
        permissions=["bulk"],
    )
    def act_in_bulk(self, request: HttpRequest) -> HttpResponse:
        """Tell how many people the list shows, on all its pages, and ask what to do to them."""
        actor = actor_of(request)
        require_recent_proof(actor)
        selection = selection_of(request.GET)
        back = reverse(PEOPLE, query=request.GET)
        if selection is None:
            messages.error(request, _("Search by words, and filter by what is on offer."))
            return HttpResponseRedirect(back)
        form = BulkActionForm(request.POST or None, actor=actor, selection=selection)
        try:
            bulk_action = form.start() if form.is_valid() else None
            if bulk_action is not None:
                messages.success(request, _("It has begun. This page tells how far it is."))
                return HttpResponseRedirect(_page_of(bulk_action))
            return self._confirmation(request, form, selection, back)
        except ArgumentInvalidError as error:
            messages.error(request, str(error.text))
            return HttpResponseRedirect(back)
        except ReauthenticationRequiredError:
            # The site asks for the proof.
            raise
        except DomainError as error:
            raise PermissionDenied(str(error.text)) from error

    def _confirmation(
        self, request: HttpRequest, form: BulkActionForm, selection: Selection, back: str
    ) -> HttpResponse:
        count = count_selected(selection, actor=form.actor, limit=COUNTED_HERE)
        return TemplateResponse(
            request,
            "admin/bulk_action.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Act on all of these"),
                "opts": self.opts,
                "form": form,
                "count": number_format(min(count, COUNTED_HERE), force_grouping=True),
                "is_cut_off": count > COUNTED_HERE,
                "is_everybody": selection.is_open,
                "back": back,
            },
        )


class BulkFailureInline(ReadOnlyInline):
    """Whom the action was refused for."""

    model = BulkFailure
    fields = ("user", "code")
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkFailure]:
        """Read the people along."""
        failures: QuerySet[BulkFailure] = super().get_queryset(request)
        return failures.select_related("user")


@admin.register(BulkAction)
class BulkActionAdmin(RosterAdmin):
    """What was done to many people, and how far it is; for administrators."""

    menu = MenuItem(Section.PEOPLE, 8, "group_work")
    may_view = staticmethod(administrators)
    list_display = ("kind", "shown_state", "progress", "requester", "created_at")
    list_select_related = ("requester",)
    list_filter = (
        ("state", ChoicesFilter),
        ("requester", RelatedFilter),
        ("created_at", DayFilter),
    )
    ordering = ("-id",)
    sortable_by = ()
    actions_detail = ("cancel",)
    inlines = (BulkFailureInline,)
    fields = (
        ("kind", "state"),
        ("requester", "arguments"),
        "shown_selection",
        ("total", "progress"),
        ("done", "unchanged", "failed"),
        ("created_at", "started_at", "finished_at"),
    )
    readonly_fields = ("progress", "shown_selection")

    def has_cancel_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators, of those that go on."""
        if not may_act_in_bulk(actor_of(request)):
            return False
        bulk_action = self.get_object(request, object_id)
        return bulk_action is not None and bulk_action.is_live

    @display(  # type: ignore[untyped-decorator]
        description=_("state"),
        label={
            BulkActionState.RUNNING: "info",
            BulkActionState.COMPLETED: "success",
            BulkActionState.CANCELED: "warning",
            BulkActionState.STOPPED: "danger",
            BulkActionState.FAILED: "danger",
        },
    )
    def shown_state(self, bulk_action: BulkAction) -> Any:
        """Show it in its colour."""
        return bulk_action.state, bulk_action.get_state_display()

    @admin.display(description=_("progress"))
    def progress(self, bulk_action: BulkAction) -> str:
        """Show how many people were visited, of how many."""
        visited = bulk_action.done + bulk_action.unchanged + bulk_action.failed
        numbers = (
            number_format(each, force_grouping=True) for each in (visited, bulk_action.total)
        )
        return " / ".join(numbers)

    @admin.display(description=_("selection"))
    def shown_selection(self, bulk_action: BulkAction) -> str:
        """Show by what people were selected."""
        if bulk_action.selection is None:
            return gettext("It named somebody who was erased since.")
        search, conditions = bulk_action.selection["search"], bulk_action.selection["filter"]
        shown = [f"“{search}”"] if search else []
        return ", ".join([*shown, json.dumps(conditions, ensure_ascii=False)])

    @action(  # type: ignore[untyped-decorator]
        description=_("Cancel"),
        url_path="cancel",
        icon="cancel",
        permissions=["cancel"],
        dialog={
            "title": _("End it early?"),
            "description": _("What was done to people stays done."),
            "form_submit_text": _("End it"),
        },
    )
    def cancel(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """End it, once the dialog was confirmed by POST."""
        try:
            bulk_action = cancel_bulk_action(UUID(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        messages.success(request, _("It ends after the person it is at."))
        return gone_on(request, _page_of(bulk_action))


def _page_of(bulk_action: BulkAction) -> str:
    return reverse("admin:bulk_bulkaction_change", args=[bulk_action.pk])
