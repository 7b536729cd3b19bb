"""Starts a bulk action on the users that match the list's search and filters."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from core.errors import ArgumentInvalidError
from users.accounts.services.reauthentication import require_recent_authentication
from users.admin.actions import page_action
from users.admin.base import actor_of
from users.admin.bulk.forms import BulkActionForm
from users.admin.bulk.selection import selection_of
from users.admin.user_related import UserRelatedAdmin
from users.bulk.policy import may_act_in_bulk
from users.bulk.selection import Selection
from users.bulk.services.start import count_selected

# Beyond it, the form shows "more than". The service itself counts up to the number entered.
MAX_COUNTED_IN_ADMIN: Final = 100_000


class BulkActionStart(UserRelatedAdmin):
    """Uses the list's search and filters as the selection of a bulk action."""

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Offer it to actors who may start bulk actions."""
        return may_act_in_bulk(actor_of(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Append the list's search and filters to the URLs of its actions."""
        response: HttpResponse = super().changelist_view(request, extra_context)
        for item in (getattr(response, "context_data", None) or {}).get("actions_list", ()):
            if not item["dialog"]:
                item["path"] = f"{item['path']}?{request.GET.urlencode()}"
        return response

    @page_action(label=_("Start bulk action"), icon="group_work", permission="bulk")
    def act_in_bulk(self, request: HttpRequest) -> HttpResponse:
        """Show the form with the number of selected users, or start the chosen action."""
        actor = actor_of(request)
        require_recent_authentication(actor)
        selection = selection_of(request.GET)
        back = reverse("admin:accounts_user_changelist", query=request.GET)
        if selection is None:
            messages.error(
                request,
                _(
                    "A bulk action cannot use this search or filter. Search by words and use only "
                    "the filters of the list."
                ),
            )
            return HttpResponseRedirect(back)
        form = BulkActionForm(request.POST or None, actor=actor, selection=selection)
        try:
            bulk_action = form.start() if form.is_valid() else None
            if bulk_action is None:
                return self._render_form(request, form, selection, back)
        except ArgumentInvalidError as error:
            messages.error(request, str(error.text))
            return HttpResponseRedirect(back)
        messages.success(request, _("Started. Progress is shown below."))
        return HttpResponseRedirect(reverse("admin:bulk_bulkaction_change", args=[bulk_action.pk]))

    def _render_form(
        self, request: HttpRequest, form: BulkActionForm, selection: Selection, back: str
    ) -> HttpResponse:
        count = count_selected(selection, actor=form.actor, limit=MAX_COUNTED_IN_ADMIN)
        return TemplateResponse(
            request,
            "admin/bulk_action.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Start bulk action"),
                "opts": self.opts,
                "form": form,
                "count": number_format(min(count, MAX_COUNTED_IN_ADMIN), force_grouping=True),
                "is_cut_off": count > MAX_COUNTED_IN_ADMIN,
                "is_unfiltered": selection.is_open,
                "back": back,
            },
        )
