"""What applications note about people."""

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

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
EXPECTED: Final = {"public": "expected_public", "private": "expected_private"}
RULES: Final = {"public": may_write_public_metadata, "private": may_write_private_metadata}


@transaction.atomic(durable=True)
def change_metadata(
    user_id: UUID | None,
    *,
    actor: Actor,
    changes: Mapping[str, Any],
    expected: Mapping[str, Any] = NOTHING,
    replace: bool = False,
) -> User:
    """Change a person's metadata, of the kinds that ``changes`` has: ``public``, ``private``.

    1. Ask, for each kind, whether the actor may.
    2. Compare what there is with what is ``expected``, of any of the kinds (compare-and-swap).
    3. Merge each (RFC 7396) into what there is or, with ``replace``, put it in the place of that.
    4. Hold the result against the limits and the deployment's schema, and write it.

    Unchanged values write nothing. The event names the keys that changed, at the first level.
    Raises `InputRejectedError`, with a JSON pointer to what violates the schema, and the policy's
    errors.
    """
    for kind in {**changes, **expected}:
        require(actor, RULES[kind])
    changes, expected = _normalize(changes), _normalize_expected(expected)
    user = get_target_for_update(user_id, actor=actor)
    row = Metadata.objects.filter(user=user).values(*RULES).first() or {}
    _refuse_conflicts({kind: row.get(kind, {}) for kind in expected}, expected)
    old = {kind: row.get(kind, {}) for kind in changes}
    new = {
        kind: given if replace else apply_merge_patch(old[kind], given)
        for kind, given in changes.items()
    }
    _check_result(new)
    keys = {kind: changed for kind in new if (changed := _changed_keys(old[kind], new[kind]))}
    if keys:
        Metadata.objects.update_or_create(user=user, defaults={kind: new[kind] for kind in keys})
        # Applications choose the keys, which may tell something of the person.
        personal = {"keys": keys}
        record(Tag.METADATA_CHANGED, actor=actor, subject_id=user.pk, personal=personal)
    return user


def _normalize_expected(expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return each expected value as stored. Raises `InputRejectedError` for what cannot be."""
    problems, values = Problems(), dict(expected)
    for kind, value in expected.items():
        with problems.of(EXPECTED[kind], GenericErrorCode.VALUE_INVALID):
            values[kind] = normalize_metadata(value)
    problems.refuse_any()
    return values


def _refuse_conflicts(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise `InputRejectedError` about each kind that is not what the writer read."""
    problems = [
        Problem(
            GenericErrorCode.CONFLICT,
            _("Somebody else changed this meanwhile. Read it again, then make your change."),
            (EXPECTED[kind],),
        )
        for kind, value in expected.items()
        if _text(found[kind]) != _text(value)
    ]
    if problems:
        raise InputRejectedError(*problems)


def _normalize(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return each value as stored. Raises `InputRejectedError` unless it is such an object."""
    problems, result = Problems(), dict(values)
    for kind, value in values.items():
        with problems.of(kind, GenericErrorCode.VALUE_INVALID):
            result[kind] = normalize_metadata(value)
            if not isinstance(value, dict):
                raise ValidationError(_("Give a JSON object."))
    problems.refuse_any()
    return result


def _check_result(values: Mapping[str, Any]) -> None:
    """Raise `InputRejectedError` for what is too large, or violates the deployment's schema."""
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
    """Return the keys whose values differ, as JSON and not as Python has it: 1 is not true."""
    before, after = ({key: _text(value) for key, value in each.items()} for each in (old, new))
    return sorted(key for key in {*old, *new} if before.get(key) != after.get(key))


def _text(value: Any) -> bytes:
    return orjson.dumps(serializable(value), option=orjson.OPT_SORT_KEYS)
