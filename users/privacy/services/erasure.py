"""Erasing people: what the register of personal data says, table by table."""

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


def erase_person(user_id: UUID) -> None:
    """Leave nothing of a person whose time of grace is over but an anonymous row.

    1. Remove rows, and the files that they name, in short transactions. Whatever else is found by
       the person's addresses goes before the addresses do, so that this can be taken up again
       wherever it was cut short.
    2. Erase what is in no table, such as counted attempts and messages of the outbox.
    3. In one transaction, with the person locked: remove what came meanwhile, replace what stays,
       and record the event, with which the announcement goes.

    The events stay as they are, and the chain of their seals with them. If there is nothing to
    erase, or not yet, nothing happens.
    """
    user = _due(User.objects.all(), user_id)
    if user is None:
        return
    subject = _person(user)
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
        subject = _person(user)
        for table in tables:
            if isinstance(table.erasure, DeleteRows):
                remove_rows(table, subject)
        for table in tables:
            if isinstance(table.erasure, ReplaceValues):
                replace_rows(table, table.erasure, subject)
        AccountDeletion.objects.filter(pk=user_id).delete()
        record(Tag.USER_ERASED, actor=SYSTEM, subject_id=user_id)


def _person(user: User) -> DataSubject:
    """Return a person by all that is known of them and is nobody else's.

    One can ask for anybody's address, and must not take what is others' along.
    """
    known = erasure_subject(user.pk, username=user.username)
    primary = User.objects.exclude(pk=user.pk).filter(email__in=known.emails)
    further = EmailAddress.objects.exclude(user=user).filter(email__in=known.emails)
    others = {*primary.values_list("email", flat=True), *further.values_list("email", flat=True)}
    return replace(known, emails=known.emails - others, logins=known.logins - others)


def _in_deletion_order(tables: Iterable[PersonalTable]) -> list[PersonalTable]:
    """Put the tables of upper apps, which come later, before those of the apps they build on."""
    order = {config.label: -index for index, config in enumerate(apps.get_app_configs())}
    return sorted(tables, key=lambda table: order[table.model._meta.app_label])


def _due(people: QuerySet[User], user_id: UUID) -> User | None:
    """Return the person if it is time, and too late to undo it."""
    return people.filter(
        pk=user_id, erased_at=None, deletion__expires_at__lte=timezone.now()
    ).first()


def remove_rows(table: PersonalTable, subject: DataSubject) -> None:
    """Remove a person's rows from a table, some at a time."""
    for rows in table.row_sets(subject):
        while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
            batch = table.model._base_manager.filter(pk__in=keys)
            with transaction.atomic():
                _remove_files(table, batch)
                batch.delete()


def replace_rows(table: PersonalTable, erasure: ReplaceValues, subject: DataSubject) -> None:
    """Put neutral values into a person's rows, of which there are few."""
    for rows in table.row_sets(subject):
        _remove_files(table, rows)
        values = {
            name: value() if callable(value) else value for name, value in erasure.values.items()
        }
        rows.update(**values)


def _remove_files(table: PersonalTable, rows: QuerySet[Any]) -> None:
    """Remove the files that rows name; before the rows, lest nobody knows of them any more."""
    if table.delete_files is not None:
        table.delete_files(rows)
    columns = table.model._meta.concrete_fields
    fields = [field for field in columns if isinstance(field, FileField)]
    for field in fields:
        for name in rows.values_list(field.name, flat=True):
            if name:
                field.storage.delete(name)
