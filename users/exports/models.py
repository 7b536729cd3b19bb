"""Exports of users."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.exports.columns import UserColumn
from users.exports.files import new_directory
from users.exports.formats import ExportFormat
from users.jobs.models import Job, JobQuerySet, ends_once, job_indexes, one_live_per_requester
from users.jobs.states import JobState


def format_choices() -> list[tuple[str, Any]]:
    """Return all formats. A callable, so that a new format needs no migration."""
    return [(ExportFormat.CSV, _("CSV")), (ExportFormat.JSON_LINES, _("JSON Lines"))]


def column_choices() -> list[tuple[str, str]]:
    """Return all columns. A callable, so that a new column needs no migration."""
    return [(column, column) for column in UserColumn]


class UserExportQuerySet(JobQuerySet):
    """Exports of users."""

    def ready(self) -> Self:
        """Return the completed exports whose file has not expired."""
        return self.filter(
            state=JobState.COMPLETED, finished_at__gt=timezone.now() - settings.DATA_EXPORT_TTL
        )


class UserExport(Job):
    """A file with columns of all users of a selection.

    Users are read in id order, up to those created before the export. Each step stores a part of
    the file; the parts are joined when it is downloaded.
    """

    # None once a user whom it named was erased.
    selection = models.JSONField(_("selection"), encoder=DjangoJSONEncoder, null=True)
    columns = ArrayField(
        models.CharField(max_length=40, choices=column_choices), verbose_name=_("columns")
    )
    format = models.CharField(_("format"), max_length=10, choices=format_choices)
    # The last user in the stored parts.
    cursor = models.UUIDField(null=True)
    directory = models.CharField(max_length=100, default=new_directory)
    parts = models.PositiveIntegerField(default=0)
    # The bytes of the parts.
    size = models.PositiveBigIntegerField(_("size"), default=0)

    objects: ClassVar = UserExportQuerySet.as_manager()

    class Meta:
        """At most one live export per requester; files are kept for `DATA_EXPORT_TTL`."""

        base_manager_name = "objects"
        verbose_name = _("export of people")
        verbose_name_plural = _("exports of people")
        constraints: ClassVar = [
            one_live_per_requester("user_export_live_unique"),
            ends_once("user_export_ends_once"),
        ]
        indexes: ClassVar = job_indexes("user_export")

    @property
    def url(self) -> str:
        """The page of the admin on which the file is downloaded."""
        return f"{settings.PUBLIC_URL}{reverse('admin:exports_userexport_change', args=[self.pk])}"

    @property
    def is_ready(self) -> bool:
        """Whether the file can be downloaded."""
        expires_at = self.expires_at
        return expires_at is not None and expires_at > timezone.now()

    @property
    def expires_at(self) -> Any:
        """When the file of a completed export expires; None for others."""
        if self.state != JobState.COMPLETED or self.finished_at is None:
            return None
        return self.finished_at + settings.DATA_EXPORT_TTL
