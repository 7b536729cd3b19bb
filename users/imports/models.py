"""User imports, the rows that they skipped, and the users' ids in former systems."""

from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.database.texts import replace_nul
from core.security.actor import Actor
from users.accounts.filters import register_filter
from users.accounts.models import user_key
from users.accounts.policy import may_read_all_private, may_select_by_private_fields, require
from users.imports.errors import ROW_CODES
from users.imports.fields import ImportFormat, ImportMode
from users.imports.files import new_import_name
from users.imports.messages import row_message
from users.jobs.models import (
    Job,
    JobErrorQuerySet,
    ends_once,
    job_indexes,
    one_live_per_requester,
)
from users.organizations.models import ORGANIZATION_NAME_MAX_LENGTH
from users.privacy.files import private_storage

SOURCE_MAX_LENGTH = 50
FILE_NAME_MAX_LENGTH = 100
EXTERNAL_ID_MAX_LENGTH = 200
# Of values that messages name; longer ones are shortened.
VALUE_MAX_LENGTH = 60
# Of ignored columns, whose names may have any number of hyphens.
COLUMN_MAX_LENGTH = 100
# Rows of a batch.
BATCH_ROWS = 1_000


def format_choices() -> list[tuple[str, Any]]:
    """Return all formats. A callable, so that a new format needs no migration."""
    return ImportFormat.choices


def mode_choices() -> list[tuple[str, Any]]:
    """Return all modes. A callable, so that a new mode needs no migration."""
    return ImportMode.choices


def code_choices() -> list[tuple[str, str]]:
    """Return all codes of rows. A callable, so that a new code needs no migration."""
    return [(code.value, code.value) for codes in ROW_CODES for code in codes]


class UserImport(Job):
    """A file of users, and how far it is imported.

    A batch of rows, their errors, the counts and the cursor are written in one transaction, so a
    killed worker neither repeats nor skips a row.
    """

    format = models.CharField(_("format"), max_length=20, choices=format_choices)
    mode = models.CharField(_("mode"), max_length=10, choices=mode_choices)
    is_dry_run = models.BooleanField(_("dry run"), default=False)
    # The former system, within which external ids are unique.
    source = models.CharField(_("source"), max_length=SOURCE_MAX_LENGTH, blank=True)
    # The uploaded file's own name, by which its sender knows it; empty if it has none.
    file_name = models.CharField(
        _("file"), max_length=FILE_NAME_MAX_LENGTH, blank=True, default="", db_default=""
    )
    # Deleted once the import has ended.
    file = models.FileField(storage=private_storage, default=new_import_name, max_length=100)
    layout = models.JSONField()
    # Columns of exports that imports do not set.
    ignored_columns = ArrayField(
        models.CharField(max_length=COLUMN_MAX_LENGTH),
        verbose_name=_("ignored"),
        default=list,
        db_default=[],
    )
    # Names of organisations that a dry run would have created so far: its later rows may have them.
    new_organizations = ArrayField(
        models.CharField(max_length=ORGANIZATION_NAME_MAX_LENGTH), default=list, db_default=[]
    )
    # The offset of the next row, and the number of lines before it.
    offset = models.BigIntegerField()
    line = models.PositiveIntegerField()
    # Of the `done` users, those who are new.
    created = models.PositiveIntegerField(_("created"), default=0, db_default=0)
    # Rows are skipped: the job fails none.
    failed = models.PositiveIntegerField(_("skipped"), default=0)
    # Rows of the next batch, at most: by the last one, and fewer after a batch that took too long.
    batch_size = models.PositiveSmallIntegerField(default=BATCH_ROWS, db_default=BATCH_ROWS)

    class Meta:
        """At most one live import per requester."""

        base_manager_name = "objects"
        verbose_name = _("import of people")
        verbose_name_plural = _("imports of people")
        constraints: ClassVar = [
            one_live_per_requester("user_import_live_unique"),
            ends_once("user_import_ends_once"),
        ]
        indexes: ClassVar = job_indexes("user_import")

    @property
    def changed(self) -> int:
        """The number of existing users who were changed."""
        return self.done - self.created


class SkippedRowQuerySet(JobErrorQuerySet):
    """Skipped rows."""

    job = "user_import"


class SkippedRow(models.Model):
    """A row that was not imported, by the number of its first line."""

    user_import = models.ForeignKey(
        UserImport, on_delete=models.CASCADE, related_name="skipped_rows", db_index=False
    )
    line = models.PositiveIntegerField(_("line"))
    code = models.CharField(_("reason"), max_length=40, choices=code_choices)
    # The field at fault; empty if it is the whole row.
    field = models.CharField(_("field"), max_length=40, blank=True)
    # Empty if the row has none, or an invalid one.
    external_id = models.CharField(
        _("external id"), max_length=EXTERNAL_ID_MAX_LENGTH, blank=True, default="", db_default=""
    )

    # What the message names of the row: a group, an organisation or a role.
    value = models.CharField(max_length=VALUE_MAX_LENGTH, blank=True, default="", db_default="")

    objects = SkippedRowQuerySet.as_manager()

    class Meta:
        """At most one per line."""

        base_manager_name = "objects"
        verbose_name = _("skipped row")
        verbose_name_plural = _("skipped rows")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_import", "line"], name="skipped_row_line_unique"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user_import", "id"], name="skipped_row_order"),
            models.Index(
                fields=["external_id"],
                condition=~Q(external_id=""),
                name="skipped_row_external_id",
            ),
        ]

    def __str__(self) -> str:
        """Return the code and the line."""
        return f"{self.code} in line {self.line}"

    @property
    def message(self) -> str:
        """What to do about it, in the current language."""
        return row_message(self.code, self.field, self.value)

    @property
    def reason(self) -> str:
        """The code, the field and the message, for the output of commands."""
        return f"{self.code} {self.field}".rstrip() + f": {self.message}"


class ExternalIdQuerySet(models.QuerySet["ExternalId"]):
    """External ids."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; other users see none."""
        return self if may_read_all_private(actor) else self.none()

    def of(self, source: str, value: str) -> Self:
        """Return the one of this source and value, if there is one."""
        return self.filter(source=replace_nul(source), value=replace_nul(value))


class ExternalId(models.Model):
    """A user's id in a former system, and what was last imported from there."""

    user = user_key("external_ids")
    source = models.CharField(_("source"), max_length=SOURCE_MAX_LENGTH, blank=True)
    value = models.CharField(_("external id"), max_length=EXTERNAL_ID_MAX_LENGTH)
    # Whether an import created the user, and so may change the password.
    is_origin = models.BooleanField()
    # Digests of the last imported row and of its password's hash: the same ones write nothing.
    digest = models.BinaryField(max_length=32)
    password_digest = models.BinaryField(max_length=32)
    # The last import that had a row of the user; it may have been deleted since.
    last_import_id = models.UUIDField()

    objects = ExternalIdQuerySet.as_manager()

    class Meta:
        """One per source and id, and one per user and source."""

        # Relations from other types must apply `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("external id")
        verbose_name_plural = _("external ids")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "value"], name="external_id_unique"),
            models.UniqueConstraint(fields=["user", "source"], name="external_id_of_user_unique"),
        ]

    def __str__(self) -> str:
        """Return the row's number; the id is personal data."""
        return f"{self._meta.verbose_name} #{self.pk}"


@register_filter("external_id")
def has_external_id(value: dict[str, str], actor: Actor) -> Q:
    """Return the condition that a user has an external id. Raises the policy's errors."""
    require(actor, may_select_by_private_fields)
    return Q(Exists(ExternalId.objects.of(**value).filter(user=OuterRef("pk"))))
