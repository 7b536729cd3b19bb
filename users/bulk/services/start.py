"""Starting bulk actions."""

from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core.errors import ErrorCode, GenericErrorCode, InputRejectedError, Problem
from core.outbox.registry import publish
from core.security.actor import Actor
from users.accounts.policy import require
from users.accounts.querysets import UserQuerySet
from users.accounts.services.reauthentication import require_recent_authentication
from users.activity.services.record import record
from users.activity.tags import Tag
from users.bulk.actions import ACTIONS, BulkActionKind, to_json
from users.bulk.errors import BulkErrorCode
from users.bulk.models import BulkAction
from users.bulk.policy import may_act_in_bulk
from users.bulk.selection import Selection
from users.bulk.services.run import TOPIC
from users.bulk.throttling import count_start

# More people are not counted, and no directory is larger.
MAX_SELECTED: Final = 10_000_000
# As far as is counted in any case, so that a refusal tells how many there are.
COUNTED: Final = 10_000


class SelectionChangedError(InputRejectedError):
    """Another number of people is selected than was expected.

    There are ``found``, or more than that, if it ``is_exact`` not.
    """

    def __init__(self, found: int, *, is_exact: bool) -> None:
        """Tell the number."""
        self.found = found
        self.is_exact = is_exact
        more = _("More than %(found)d people are selected. Look at the selection again.")
        all_ = _("Selected people: %(found)d. Look at the selection again.")
        message = (all_ if is_exact else more) % {"found": found}
        super().__init__(Problem(BulkErrorCode.SELECTION_CHANGED, message, ("expected_count",)))


def start_bulk_action(  # noqa: PLR0913 - what is done, and to whom
    *,
    actor: Actor,
    kind: BulkActionKind,
    arguments: Mapping[str, Any],
    selection: Selection,
    everybody: bool,
    expected_count: int,
) -> BulkAction:
    """Have something done to all people of a selection by a worker.

    1. Check the arguments, and that a selection without a condition is meant: ``everybody``.
    2. Count the people, no further than tells whether they are as many as ``expected_count``.
    3. Write the row, and a message for a worker with it: see `users.bulk.services.run`.

    Raises `SelectionChangedError` if they are not as many; `InputRejectedError` for a bad value,
    and while another bulk action of the actor goes on; `ArgumentInvalidError` for a bad filter or
    search, `TooManyAttemptsError`, `ReauthenticationRequiredError` and the policy's errors.
    """
    require(actor, may_act_in_bulk)
    action = ACTIONS[kind]
    require(actor, action.rule)
    require_recent_authentication(actor)
    validate = action.validate(arguments)
    _check_everybody_flag(selection, everybody=everybody)
    if not 0 <= expected_count <= MAX_SELECTED:
        message = _("Expect 0 to %(most)d people.") % {"most": MAX_SELECTED}
        raise _refusal(GenericErrorCode.VALUE_INVALID, message, "expected_count")
    requester_id = cast("UUID", actor.user_id)
    count_start(requester_id)
    bulk_action = BulkAction(
        requester_id=requester_id,
        token_id=actor.token_id,
        kind=kind,
        arguments=to_json(validate),
        selection=selection.to_json(),
        total=expected_count,
    )
    _check_count(selection, bulk_action, actor=actor)
    try:
        with transaction.atomic(durable=True):
            bulk_action.save(force_insert=True)
            record(
                Tag.BULK_ACTION_STARTED,
                actor=actor,
                subject_id=None,
                bulk_action=bulk_action.pk,
                kind=kind,
                total=expected_count,
            )
            publish(TOPIC, bulk_action_id=str(bulk_action.pk), turn=0)
    except IntegrityError:
        if not BulkAction.objects.live().filter(requester_id=requester_id).exists():
            raise
        message = _("Wait for your other bulk action to end, or cancel it.")
        raise _refusal(BulkErrorCode.BULK_ACTION_RUNNING, message) from None
    return bulk_action


def count_selected(selection: Selection, *, actor: Actor, limit: int) -> int:
    """Return how many people are selected; one more than ``limit``, if they are more.

    Raises `ArgumentInvalidError` and the policy's errors.
    """
    return _count(selection.people(actor), limit)


def _check_everybody_flag(selection: Selection, *, everybody: bool) -> None:
    """Raise `InputRejectedError` unless everybody is selected on purpose, and alone."""
    if selection.is_open and not everybody:
        message = _("This selects everybody. Give a condition, or say that you mean it.")
        raise _refusal(GenericErrorCode.VALUE_INVALID, message, "filter")
    if everybody and not selection.is_open:
        message = _("Give either conditions or `everybody`.")
        raise _refusal(GenericErrorCode.VALUE_INVALID, message, "everybody")


def _check_count(selection: Selection, bulk_action: BulkAction, *, actor: Actor) -> None:
    """Raise `SelectionChangedError` unless those who can be visited are as many as expected."""
    limit = max(bulk_action.total, COUNTED)
    found = _count(selection.people(actor).filter(pk__lt=bulk_action.pk), limit)
    if found != bulk_action.total:
        raise SelectionChangedError(min(found, limit), is_exact=found <= limit)


def _count(people: UserQuerySet, limit: int) -> int:
    return people.order_by().values("pk")[: limit + 1].count()


def _refusal(code: ErrorCode, message: str, *field: str) -> InputRejectedError:
    return InputRejectedError(Problem(code, message, field))
