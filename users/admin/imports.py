"""Imports of users, the rows that they skipped, and the page that starts one."""

from typing import Final

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from users.accounts.policy import may_administer
from users.accounts.services.reauthentication import require_recent_authentication
from users.admin.actions import page_action
from users.admin.base import MenuItem, ReadOnlyInline, Section, actor_of
from users.admin.jobs import JobAdmin, JobForm, show_form, show_started
from users.imports.fields import FIELDS, ImportFormat, ImportMode, parse_mapping
from users.imports.models import (
    SOURCE_MAX_LENGTH,
    SkippedRow,
    UserImport,
    format_choices,
    mode_choices,
)
from users.imports.services.report import skipped_rows_csv
from users.imports.services.start import start_user_import

# Beyond `MAX_COLUMNS` of usual length.
MAPPING_MAX_LENGTH: Final = 10_000


def _file_help() -> str:
    """Return what the file is, in the language of the request."""
    text = gettext(
        "Text in UTF-8 of at most %(size)s. Columns have the names of fields, or are mapped below."
    )
    return text % {"size": filesizeformat(settings.IMPORT_MAX_BYTES)}


def _mapping_help() -> str:
    """Return how a mapping is written, in the language of the request."""
    text = gettext(
        "Only if the columns have other names: one column=field per line, such as Mail=email. "
        "Other columns are ignored. Fields: %(fields)s."
    )
    return text % {"fields": ", ".join(FIELDS)}


class UserImportForm(JobForm):
    """The file and the options of `start_user_import`, which validates them."""

    file = forms.FileField(
        label=capfirst(_("file")),
        help_text=lazy(_file_help, str)(),
        widget=UnfoldAdminFileFieldWidget,
    )
    format = forms.ChoiceField(
        label=capfirst(_("format")), choices=format_choices, widget=UnfoldAdminSelectWidget
    )
    mode = forms.ChoiceField(
        label=capfirst(_("mode")), choices=mode_choices, widget=UnfoldAdminSelectWidget
    )
    source = forms.CharField(
        label=capfirst(_("source")),
        help_text=_("The system that external ids are of. Required if the file has some."),
        max_length=SOURCE_MAX_LENGTH,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    mapping = forms.CharField(
        label=capfirst(_("mapping of columns")),
        help_text=lazy(_mapping_help, str)(),
        max_length=MAPPING_MAX_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    is_dry_run = forms.BooleanField(
        label=capfirst(_("dry run")),
        help_text=_("Check the rows only, and import nothing."),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
    )

    def start_valid(self) -> UserImport:
        """Start the import. Raises the errors of `start_user_import`."""
        values = self.cleaned_data
        return start_user_import(
            values["file"],
            actor=self.actor,
            format_=ImportFormat(values["format"]),
            mode=ImportMode(values["mode"]),
            mapping=parse_mapping(filter(str.strip, values["mapping"].splitlines())),
            source=values["source"],
            is_dry_run=values["is_dry_run"],
            file_name=values["file"].name,
            max_bytes=settings.IMPORT_MAX_BYTES,
        )


class SkippedRowInline(ReadOnlyInline):
    """The rows that were not imported."""

    model = SkippedRow
    fields = ("line", "external_id", "code", "field", "message")
    ordering = ("id",)

    @admin.display(description=_("what to do"))
    def message(self, row: SkippedRow) -> str:
        """Show what to do about the row."""
        return row.message


@admin.register(UserImport)
class UserImportAdmin(JobAdmin):
    """Imports of users and the rows that they skipped."""

    menu = MenuItem(Section.PEOPLE, 10, "upload")
    empty_title = _("No imports are kept.")
    empty_text = _("Press “Import” to take people over from a file. A dry run checks it first.")
    list_display = (
        *("created_at", "file_name", "source", "shown_mode", "shown_state", "progress"),
        *("failed", "requester"),
    )
    inlines = (SkippedRowInline,)
    actions_list = ("import_users",)
    actions_detail = ("skipped", "cancel")
    fields = (
        ("state", "requester"),
        "progress",
        ("format", "mode"),
        ("file_name", "is_dry_run"),
        "source",
        "ignored_columns",
        ("created", "changed"),
        ("unchanged", "failed"),
        "created_at",
        ("started_at", "finished_at"),
        "failure",
    )
    readonly_fields = ("progress", "changed")

    @admin.display(description=_("mode"))
    def shown_mode(self, user_import: UserImport) -> str:
        """Show what happens to the rows."""
        mode = user_import.get_mode_display()
        return f"{mode} ({gettext('dry run')})" if user_import.is_dry_run else mode

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Offer it to administrators."""
        return may_administer(actor_of(request))

    def has_skipped_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it if rows were skipped."""
        user_import = self.get_object(request, object_id)
        return user_import is not None and bool(user_import.failed)

    @admin.display(description=_("changed"))
    def changed(self, user_import: UserImport) -> int:
        """Show the number of existing users who were changed."""
        return user_import.changed

    @page_action(label=_("Import"), icon="upload", permission="import")
    def import_users(self, request: HttpRequest) -> HttpResponse:
        """Show the form, or start the import and redirect to its page."""
        actor = actor_of(request)
        require_recent_authentication(actor)
        form = UserImportForm(request.POST or None, request.FILES or None, actor=actor)
        user_import = form.start()
        if user_import is not None:
            return show_started(request, user_import)
        lead = _(
            "The file is imported in the background. Invalid rows are skipped. No mails are sent."
        )
        title = _("Import people")
        return show_form(self, request, form, title=title, lead=lead, back=self.list_url)

    @page_action(label=_("Skipped rows"), icon="download", permission="skipped")
    def skipped(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return the skipped rows as an attachment (RFC 6266)."""
        user_import = self.get_object(request, object_id)
        return HttpResponse(
            skipped_rows_csv(user_import, actor=actor_of(request)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="skipped-rows.csv"'},
        )
