"""Changes of user metadata."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import orjson
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.ijson import serializable
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.metadata import apply_merge_patch, check_size, normalize_metadata, violations
from users.accounts.models import Metadata, User
from users.accounts.policy import may_write_private_metadata, may_write_public_metadata, require
from users.accounts.services.lookup import get_target_for_update
from users.accounts.services.validation import Problems
from users.activity.services.record import record
from users.activity.tags import Tag

NO_EXPECTATION: Final[Mapping[str, Any]] = MappingProxyType({})
EXPECTED: Final = {"public": "expected_public", "private": "expected_private"}
RULES: Final = {"public": may_write_public_metadata, "private": may_write_private_metadata}


@transaction.atomic(durable=True)
def change_metadata(
    user_id: UUID | None,
    *,
    actor: Actor,
    changes: Mapping[str, Any],
    expected: Mapping[str, Any] = NO_EXPECTATION,
    replace: bool = False,
) -> User:
    """Change a user's metadata by kind: ``public``, ``private``.

    1. Check the policy for each kind.
    2. Compare the stored values with ``expected``, if given (compare-and-swap).
    3. Merge each change (RFC 7396) or, with ``replace``, replace the value.
    4. Check the result against the limits and the deployment's schema, and write it.

    Unchanged values write nothing. The event has the changed keys of the first level. Raises
    `InputRejectedError`, with a JSON pointer to each violation of the schema, and the policy's
    errors.
    """
    for kind in {**changes, **expected}:
        require(actor, RULES[kind])
    changes, expected = _normalize(changes), _normalize_expected(expected)
    user = get_target_for_update(user_id, actor=actor)
    row = Metadata.objects.filter(user=user).values(*RULES).first() or {}
    _check_expected({kind: row.get(kind, {}) for kind in expected}, expected)
    old = {kind: row.get(kind, {}) for kind in changes}
    new = {
        kind: change if replace else apply_merge_patch(old[kind], change)
        for kind, change in changes.items()
    }
    _check_result(new)
    keys = {kind: changed for kind in new if (changed := _changed_keys(old[kind], new[kind]))}
    if keys:
        Metadata.objects.update_or_create(user=user, defaults={kind: new[kind] for kind in keys})
        # Personal, because applications choose the keys.
        personal = {"keys": keys}
        record(Tag.METADATA_CHANGED, actor=actor, subject_id=user.pk, personal=personal)
    return user


def _normalize_expected(expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return the expected values normalised. Raises `InputRejectedError`."""
    problems, values = Problems(), dict(expected)
    for kind, value in expected.items():
        with problems.of(EXPECTED[kind], GenericErrorCode.VALUE_INVALID):
            values[kind] = normalize_metadata(value)
    problems.refuse_any()
    return values


def _check_expected(stored: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise `InputRejectedError` about each kind that differs from the expected value."""
    problems = [
        Problem(
            GenericErrorCode.CONFLICT,
            _("This was changed meanwhile. Read it again, then repeat your change."),
            (EXPECTED[kind],),
        )
        for kind, value in expected.items()
        if _serialize(stored[kind]) != _serialize(value)
    ]
    if problems:
        raise InputRejectedError(*problems)


def _normalize(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values normalised. Raises `InputRejectedError` unless they are objects."""
    problems, result = Problems(), dict(values)
    for kind, value in values.items():
        with problems.of(kind, GenericErrorCode.VALUE_INVALID):
            result[kind] = normalize_metadata(value)
            if not isinstance(value, dict):
                raise ValidationError(_("Give a JSON object."))
    problems.refuse_any()
    return result


def _check_result(values: Mapping[str, Any]) -> None:
    """Raise `InputRejectedError` for values beyond the limits or against the schema."""
    problems = Problems()
    for kind, value in values.items():
        with problems.of(kind, GenericErrorCode.VALUE_INVALID):
            check_size(value)
            problems.found += (
                Problem(AccountErrorCode.METADATA_INVALID, reason, (kind,))
                for reason in violations(value, kind=kind)
            )
    problems.refuse_any()


def _changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ as JSON: unlike in Python, 1 is not true."""
    before, after = ({key: _serialize(value) for key, value in each.items()} for each in (old, new))
    return sorted(key for key in {*old, *new} if before.get(key) != after.get(key))


def _serialize(value: Any) -> bytes:
    return orjson.dumps(serializable(value), option=orjson.OPT_SORT_KEYS)
