"""Erasure of users, by the register of personal data."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import FileField, QuerySet
from django.utils import timezone

from core.security.actor import SYSTEM
from users.accounts.models import EmailAddress, User
from users.activity.personal_data_registry import (
    DataSubject,
    DeleteRows,
    PersonalTable,
    ReplaceValues,
    erasers,
    erasure_subject,
    personal_tables,
)
from users.activity.services.record import record
from users.activity.tags import Tag
from users.privacy.models import AccountDeletion

BATCH: Final = 1_000


def erase_user(user_id: UUID) -> None:
    """Erase a user whose grace period is over; an anonymous row remains.

    1. Delete rows and their files in short transactions. Rows that are found by the user's
       addresses are deleted before the addresses, so that an interrupted erasure can be resumed.
    2. Erase data outside of tables, such as rate limits and outbox messages.
    3. In one transaction, with the user locked: delete rows that were added meanwhile, replace
       values, delete the scheduled deletion, and record the event.

    Events are retained, so that their hash chain stays valid. No-op if no erasure is due.
    """
    user = _due(User.objects.all(), user_id)
    if user is None:
        return
    subject = _subject_of(user)
    tables = _in_deletion_order(personal_tables())
    for table in tables:
        if isinstance(table.erasure, DeleteRows) and not table.holds_email_addresses:
            remove_rows(table, subject)
    for erase in erasers():
        erase(subject)
    with transaction.atomic(durable=True):
        user = _due(User.objects.select_for_update(), user_id)
        if user is None:
            return
        subject = _subject_of(user)
        for table in tables:
            if isinstance(table.erasure, DeleteRows):
                remove_rows(table, subject)
        for table in tables:
            if isinstance(table.erasure, ReplaceValues):
                replace_rows(table, table.erasure, subject)
        AccountDeletion.objects.filter(pk=user_id).delete()
        record(Tag.USER_ERASED, actor=SYSTEM, subject_id=user_id)


def _subject_of(user: User) -> DataSubject:
    """Return the user's identifiers, without addresses of other users.

    A user may have requested another user's address, whose rows must not be erased.
    """
    subject = erasure_subject(user.pk, username=user.username)
    primary = User.objects.exclude(pk=user.pk).filter(email__in=subject.emails)
    secondary = EmailAddress.objects.exclude(user=user).filter(email__in=subject.emails)
    others = {*primary.values_list("email", flat=True), *secondary.values_list("email", flat=True)}
    return replace(subject, emails=subject.emails - others, logins=subject.logins - others)


def _in_deletion_order(tables: Iterable[PersonalTable]) -> list[PersonalTable]:
    """Sort the tables of dependent apps before those of the apps they depend on."""
    order = {config.label: -index for index, config in enumerate(apps.get_app_configs())}
    return sorted(tables, key=lambda table: order[table.model._meta.app_label])


def _due(users: QuerySet[User], user_id: UUID) -> User | None:
    """Return the user if the grace period is over."""
    return users.filter(
        pk=user_id, erased_at=None, deletion__expires_at__lte=timezone.now()
    ).first()


def remove_rows(table: PersonalTable, subject: DataSubject) -> None:
    """Delete a subject's rows from a table, in batches.

    Deadlock order: the user before the rows, whose triggers may lock the user as well.
    """
    for rows in table.row_sets(subject):
        while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
            batch = table.model._base_manager.filter(pk__in=keys)
            with transaction.atomic():
                User.objects.select_for_update().filter(pk=subject.id).first()
                _remove_files(table, batch)
                batch.delete()


def replace_rows(table: PersonalTable, erasure: ReplaceValues, subject: DataSubject) -> None:
    """Replace the personal values in a subject's rows, of which there are few."""
    for rows in table.row_sets(subject):
        _remove_files(table, rows)
        values = {
            name: value() if callable(value) else value for name, value in erasure.values.items()
        }
        rows.update(**values)


def _remove_files(table: PersonalTable, rows: QuerySet[Any]) -> None:
    """Delete the files of rows, whose names the rows hold: call it first."""
    if table.delete_files is not None:
        table.delete_files(rows)
    columns = table.model._meta.concrete_fields
    fields = [field for field in columns if isinstance(field, FileField)]
    for field in fields:
        for name in rows.values_list(field.name, flat=True):
            if name:
                field.storage.delete(name)
