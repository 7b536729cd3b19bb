"""Starts jobs for the users that match the list's search and filters."""

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.errors import ArgumentInvalidError, Text
from users.accounts.models import User
from users.accounts.services.reauthentication import require_recent_authentication
from users.admin.actions import page_action
from users.admin.base import actor_of
from users.admin.bulk.forms import BulkActionForm
from users.admin.bulk.selection import MAX_SELECTED, SELECTED, selection_of
from users.admin.exports import UserExportForm
from users.admin.jobs import JobForm, show_form, show_started
from users.admin.user_related import UserRelatedAdmin
from users.bulk.services.start import count_selected
from users.exports.policy import may_export_users
from users.jobs.policy import may_run_jobs
from users.jobs.selection import Selection

# Beyond it, the form shows "more than". The bulk action itself counts up to the number entered.
MAX_COUNTED_IN_ADMIN: Final = 100_000


class JobStart(UserRelatedAdmin):
    """Uses the list's search and filters as the selection of a job."""

    # More rows than a page has are selected by the search and the filters.
    list_disable_select_all = True

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Offer it to actors who may start bulk actions."""
        return may_run_jobs(actor_of(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Offer it to actors who may export users."""
        return may_export_users(actor_of(request))

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
        lead = _(
            "The action runs in the background, one person at a time, with the same rules, mails "
            "and events as the action for one person."
        )
        return self._start(request, BulkActionForm, title=_("Start bulk action"), lead=lead)

    @page_action(label=_("Export"), icon="download", permission="export")
    def export(self, request: HttpRequest) -> HttpResponse:
        """Show the form with the number of selected users, or start the export."""
        lead = _(
            "The file is written in the background. You get a mail when it is complete. It has "
            "personal data: keep it only as long as you need it."
        )
        return self._start(request, UserExportForm, title=_("Export people"), lead=lead)

    @admin.action(description=_("Start bulk action"), permissions=["bulk"])
    def act_on_selected(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> HttpResponse | None:
        """Show the form of a bulk action for the selected rows."""
        return self._redirect_with_selected(request, queryset, "act_in_bulk")

    @admin.action(description=_("Export"), permissions=["export"])
    def export_selected(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> HttpResponse | None:
        """Show the form of an export of the selected rows."""
        return self._redirect_with_selected(request, queryset, "export")

    def _redirect_with_selected(
        self, request: HttpRequest, users: QuerySet[User], action: str
    ) -> HttpResponse | None:
        keys = [str(key) for key in users.values_list("pk", flat=True)[: MAX_SELECTED + 1]]
        if len(keys) > MAX_SELECTED:
            text = _("Select at most %(count)d people, or use the button above for the whole list.")
            messages.error(request, text % {"count": MAX_SELECTED})
            return None
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{action}"
        return HttpResponseRedirect(reverse(name, query={SELECTED: ",".join(keys)}))

    def _start(
        self,
        request: HttpRequest,
        form_class: type[BulkActionForm | UserExportForm],
        *,
        title: Text,
        lead: Text,
    ) -> HttpResponse:
        """Show the form of a job, or start the job and redirect to its page."""
        actor = actor_of(request)
        require_recent_authentication(actor)
        selection = selection_of(request.GET)
        query = {name: value for name, value in request.GET.items() if name != SELECTED}
        back = reverse("admin:accounts_user_changelist", query=query)
        if selection is None:
            messages.error(
                request,
                _(
                    "This action cannot use this search or filter. Search by words and use only "
                    "the filters of the list."
                ),
            )
            return HttpResponseRedirect(back)
        form = form_class(request.POST or None, actor=actor, selection=selection)
        try:
            job = form.start()
            if job is None:
                context = {"title": title, "lead": lead, "back": back}
                return self._show_form(request, form, selection, context)
        except ArgumentInvalidError as error:
            messages.error(request, str(error.text))
            return HttpResponseRedirect(back)
        return show_started(request, job)

    def _show_form(
        self, request: HttpRequest, form: JobForm, selection: Selection, context: dict[str, Any]
    ) -> HttpResponse:
        count = count_selected(selection, actor=actor_of(request), limit=MAX_COUNTED_IN_ADMIN)
        return show_form(
            self,
            request,
            form,
            count=min(count, MAX_COUNTED_IN_ADMIN),
            is_cut_off=count > MAX_COUNTED_IN_ADMIN,
            is_unfiltered=selection.is_open,
            **context,
        )
