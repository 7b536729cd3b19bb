"""Deleting the files of ended imports, and pruning."""

from uuid import UUID

from django.conf import settings

from core.database.batches import delete_in_batches
from users.imports.files import delete_unused
from users.imports.models import SkippedRow, UserImport


def delete_file_of(user_import_id: UUID) -> None:
    """Delete the file of an ended import, and names of it: they are personal data."""
    user_import = UserImport.objects.ended().filter(pk=user_import_id).first()
    if user_import is not None:
        user_import.file.storage.delete(user_import.file.name)
        UserImport.objects.filter(pk=user_import_id).update(new_organizations=[])


def prune_user_imports() -> None:
    """Delete imports that ended `settings.BULK_ACTION_RETENTION` ago, and files without one.

    A process that was killed before it wrote the import leaves such a file.
    """
    outdated = UserImport.objects.finished_before(settings.BULK_ACTION_RETENTION)
    delete_in_batches(SkippedRow.objects.filter(user_import__in=outdated))
    delete_in_batches(outdated)
    delete_unused(set(UserImport.objects.live().values_list("file", flat=True)))
