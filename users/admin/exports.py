"""Exports of users. They are started from the list of users."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from core.errors import InputRejectedError
from core.security.actor import Actor
from users.admin.actions import page_action
from users.admin.base import MenuItem, Section, actor_of
from users.admin.jobs import JobAdmin, JobForm
from users.exports.columns import UserColumn
from users.exports.formats import ExportFormat
from users.exports.models import UserExport, column_choices, format_choices
from users.exports.policy import may_export_users
from users.exports.services.download import fetch_user_export, read_file
from users.exports.services.start import export_users
from users.jobs.selection import Selection


class UserExportForm(JobForm):
    """The format and the columns of `export_users`, which validates them."""

    format = forms.ChoiceField(
        label=capfirst(_("format")), choices=format_choices, widget=UnfoldAdminSelectWidget
    )
    columns = forms.MultipleChoiceField(
        label=capfirst(_("columns")),
        choices=column_choices,
        initial=list(UserColumn),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, *args: Any, actor: Actor, selection: Selection) -> None:
        """Take whom to export."""
        super().__init__(*args, actor=actor)
        self.selection = selection

    def start_valid(self) -> UserExport:
        """Start the export. Raises the errors of `export_users`."""
        return export_users(
            actor=self.actor,
            selection=self.selection,
            columns=[UserColumn(name) for name in self.cleaned_data["columns"]],  # type: ignore[call-arg]
            file_format=ExportFormat(self.cleaned_data["format"]),  # type: ignore[call-arg]
        )


@admin.register(UserExport)
class UserExportAdmin(JobAdmin):
    """Exports of users and their files."""

    menu = MenuItem(Section.PEOPLE, 9, "download")
    empty_title = _("No exports are kept.")
    empty_text = _("Search or filter the list of people, and press “Export” there.")
    list_display = ("created_at", "selected", "format", "shown_state", "progress", "requester")
    actions_detail = ("download", "cancel")
    fields = (
        ("state", "requester"),
        "progress",
        "shown_selection",
        ("format", "columns"),
        ("done", "shown_size"),
        ("created_at", "started_at"),
        ("finished_at", "shown_end"),
        "failure",
    )
    readonly_fields = ("progress", "shown_selection", "shown_size", "shown_end")

    def has_download_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators while there is a file."""
        export = self.get_object(request, object_id)
        return may_export_users(actor_of(request)) and export is not None and export.is_ready

    @admin.display(description=_("size"))
    def shown_size(self, export: UserExport) -> str:
        """Show the size of the file."""
        return filesizeformat(export.size)

    @admin.display(description=_("expires"))
    def shown_end(self, export: UserExport) -> str | None:
        """Show when the file expires."""
        return export.expires_at and date_format(export.expires_at, "DATETIME_FORMAT")

    @page_action(label=_("Download"), icon="download", permission="download")
    def download(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Stream the file as an attachment (RFC 6266)."""
        try:
            export = fetch_user_export(UUID(object_id), actor=actor_of(request))
        except InputRejectedError:
            raise Http404 from None
        length, content = read_file(export)
        name = f"users-{export.finished_at:%Y-%m-%d}.{export.format}"
        return StreamingHttpResponse(
            content,
            content_type=ExportFormat(export.format).content_type,  # type: ignore[call-arg]
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Content-Length": str(length),
            },
        )
