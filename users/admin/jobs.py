"""The base of the pages of jobs: state, live progress and cancellation."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.errors import InputRejectedError, Text
from core.security.actor import Actor
from core.web.forms import add_problems
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action
from users.admin.base import RosterAdmin, actor_of, cached_on_row, is_administrator
from users.admin.filters import ChoicesFilter, DayFilter, RelatedFilter
from users.jobs.models import Job
from users.jobs.policy import may_run_jobs
from users.jobs.services.cancel import cancel_job
from users.jobs.states import JobState

PROGRESS: Final = "admin/job_progress.html"


# The conditions of the list of people in words; the API has others.
CONDITIONS: Final[Mapping[str, Text]] = {
    "is_active": _("active"),
    "is_staff": _("staff"),
    "is_superuser": _("administrator"),
    "group": _("group"),
    "joined": _("joined"),
    "ids": _("selected people"),
}


def selection_text(selection: Mapping[str, Any] | None) -> str:
    """Return the search and the filters of a job's selection."""
    if selection is None:
        return gettext("Removed: the selection named a person whose data has been erased.")
    search, nested = selection["search"], dict(selection["filter"])
    conditions = nested.pop("conditions")
    shown = [f"“{search}”"] if search else []
    shown += [
        f"{CONDITIONS.get(name, name)}: {_value_text(value)}" for name, value in conditions.items()
    ]
    shown += [json.dumps(nested, ensure_ascii=False)] if nested else []
    return ", ".join(shown) or gettext("all people")


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return number_format(len(value))
    if isinstance(value, dict) and value.keys() <= {"since", "before"}:
        return " – ".join(value.get(end, "…") for end in ("since", "before"))
    return str(value) if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)


class JobForm(forms.Form):
    """The input of a job, which its service validates."""

    # Calls the service with `cleaned_data`. Raises its errors.
    start_valid: Callable[[], Job]

    def __init__(self, *args: Any, actor: Actor) -> None:
        """Start the job as this actor."""
        super().__init__(*args)
        self.actor = actor

    def start(self) -> Job | None:
        """Start the job; if the input is invalid, add the errors and return None.

        Raises the errors of the service other than `InputRejectedError`.
        """
        if not self.is_valid():
            return None
        try:
            return self.start_valid()
        except InputRejectedError as refusal:
            add_problems(self, refusal.problems)
            return None


def show_form(
    page: RosterAdmin, request: HttpRequest, form: JobForm, **context: Any
) -> TemplateResponse:
    """Show the form of a job.

    The template requires the ``title``, the ``lead`` and the URL to go ``back`` to.
    """
    common = {**page.admin_site.each_context(request), "opts": page.opts, "form": form}
    return TemplateResponse(request, "admin/start_job.html", common | context)


def show_started(request: HttpRequest, job: Job) -> HttpResponse:
    """Redirect to the page of a job that was started."""
    messages.success(request, _("Started. Progress is shown below."))
    page = f"admin:{job._meta.app_label}_{job._meta.model_name}_change"
    return HttpResponseRedirect(reverse(page, args=[job.pk]))


class JobAdmin(RosterAdmin):
    """Jobs of one kind and their progress, for administrators."""

    may_view = staticmethod(is_administrator)
    list_select_related = ("requester",)
    list_filter = (
        ("state", ChoicesFilter),
        ("requester", RelatedFilter),
        ("created_at", DayFilter),
    )
    ordering = ("-id",)
    sortable_by = ()
    actions_detail: ClassVar[tuple[str, ...]] = ("cancel",)

    def get_urls(self) -> list[Any]:
        """Add what the progress bars of live jobs poll."""
        view = self.admin_site.admin_view(self.progress_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_progress"
        return [path("<uuid:key>/progress/", view, name=name), *super().get_urls()]

    def progress_view(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Respond with the progress bar; the page is loaded again once the job has ended."""
        job = self.get_queryset(request).filter(pk=key).first()
        if job is None or not self.has_view_permission(request, job):
            raise Http404
        response = render(request, PROGRESS, self._progress(job))
        if not job.is_live:
            response["HX-Refresh"] = "true"
        return response

    def has_cancel_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators while the job is live."""
        if not may_run_jobs(actor_of(request)):
            return False
        job = self.get_object(request, object_id)
        return job is not None and job.is_live

    @display(  # type: ignore[untyped-decorator]
        description=_("state"),
        label={
            JobState.RUNNING: "info",
            JobState.COMPLETED: "success",
            JobState.CANCELED: "warning",
            JobState.STOPPED: "danger",
            JobState.FAILED: "danger",
        },
    )
    def shown_state(self, job: Job) -> Any:
        """Show the state as a coloured label."""
        return job.state, job.get_state_display()

    @admin.display(description=_("progress"))
    @cached_on_row
    def progress(self, job: Job) -> SafeString:
        """Show a progress bar, which updates itself while the job is live."""
        return render_to_string(PROGRESS, self._progress(job))

    def _progress(self, job: Job) -> Mapping[str, Any]:
        """Return the context of the progress bar."""
        numbers = [job.processed] if job.total is None else [job.processed, job.total]
        return {
            "job": job,
            "percent": None if job.progress is None else int(100 * job.progress),
            "numbers": " / ".join(number_format(each) for each in numbers),
            "url": self._url("progress", job.pk),
        }

    @admin.display(description=_("selection"))
    def shown_selection(self, job: Any) -> str:
        """Show the search and the filters of the selection, if the kind has one."""
        return selection_text(job.selection)

    @admin.display(description=_("selection"))
    def selected(self, job: Any) -> str:
        """Show the beginning of the selection."""
        return Truncator(selection_text(job.selection)).chars(60)

    @dialog_action(
        label=_("Cancel"),
        icon="cancel",
        permission="cancel",
        title=_("End this job early?"),
        text=_("What is done already is kept. The rest is skipped."),
        confirm=_("End the job"),
    )
    def cancel(self, dialog: ConfirmedDialog) -> ActionResult:
        """Cancel the job."""
        job = cancel_job(self.model.__name__, dialog.key, actor=dialog.actor)
        return ActionResult(self.page_url(job.pk), _("The job ends after the current step."))
