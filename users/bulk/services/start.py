"""Starting bulk actions."""

from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import ErrorCode, GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.models import UserQuerySet
from users.accounts.policy import require
from users.accounts.services.reauthentication import require_recent_authentication
from users.bulk.actions import ACTIONS, BulkActionKind, to_json
from users.bulk.errors import BulkErrorCode
from users.bulk.models import BulkAction
from users.bulk.services.run import BULK_ACTIONS
from users.bulk.throttling import count_start
from users.jobs.policy import may_run_jobs
from users.jobs.selection import Selection
from users.jobs.services.start import start_job

# Upper bound of the expected count, beyond the size of any directory.
MAX_SELECTED: Final = 10_000_000
# Users are counted up to this number in any case, so that an error can report the actual count.
COUNTED: Final = 10_000


class SelectionChangedError(InputRejectedError):
    """The number of selected users differs from the expected one.

    ``found`` is the actual number, or a lower bound unless ``is_exact``.
    """

    def __init__(self, found: int, *, is_exact: bool) -> None:
        """Build the message from the number."""
        self.found = found
        self.is_exact = is_exact
        more = _("More than %(found)d users are selected. Check the selection and try again.")
        exact = _("Selected users: %(found)d. Check the selection and try again.")
        message = (exact if is_exact else more) % {"found": found}
        super().__init__(Problem(BulkErrorCode.SELECTION_CHANGED, message, ("expected_count",)))


def start_bulk_action(  # noqa: PLR0913 - the action and the selection
    *,
    actor: Actor,
    kind: BulkActionKind,
    arguments: Mapping[str, Any],
    selection: Selection,
    everybody: bool,
    expected_count: int,
) -> BulkAction:
    """Start a bulk action, which a worker applies to all users of a selection.

    1. Check the arguments; a selection without conditions requires ``everybody``.
    2. Compare the number of selected users with ``expected_count``; counting stops early.
    3. Write the row and a message for the worker: see `start_job`.

    Raises `SelectionChangedError` if the numbers differ; `InputRejectedError` for an invalid value
    and while another bulk action of the actor is live; `ArgumentInvalidError` for an invalid filter
    or search; `TooManyAttemptsError`, `ReauthenticationRequiredError` and the policy's errors.
    """
    require(actor, may_run_jobs)
    action = ACTIONS[kind]
    require(actor, action.rule)
    require_recent_authentication(actor)
    validated = action.validate(arguments)
    _check_everybody_flag(selection, everybody=everybody)
    if not 0 <= expected_count <= MAX_SELECTED:
        message = _("Enter an expected count from 0 to %(most)d.") % {"most": MAX_SELECTED}
        raise _error(GenericErrorCode.VALUE_INVALID, message, "expected_count")
    requester_id = cast("UUID", actor.user_id)
    count_start(requester_id)
    bulk_action = BulkAction(
        requester_id=requester_id,
        token_id=actor.token_id,
        kind=kind,
        arguments=to_json(validated),
        selection=selection.to_json(),
        total=expected_count,
    )
    _check_count(selection, bulk_action, actor=actor)
    message = _("Wait for your other bulk action to end, or cancel it.")
    start_job(
        BULK_ACTIONS,
        bulk_action,
        actor=actor,
        if_running=Problem(BulkErrorCode.BULK_ACTION_RUNNING, message),
        kind=kind,
        total=expected_count,
    )
    return bulk_action


def count_selected(selection: Selection, *, actor: Actor, limit: int) -> int:
    """Return the number of selected users; ``limit`` plus one if there are more.

    Raises `ArgumentInvalidError` and the policy's errors.
    """
    return _count(selection.users(actor), limit)


def _check_everybody_flag(selection: Selection, *, everybody: bool) -> None:
    """Raise `InputRejectedError` unless exactly one of conditions and ``everybody`` is given."""
    if selection.is_open and not everybody:
        message = _("This selects all users. Add a condition, or confirm that you mean all users.")
        raise _error(GenericErrorCode.VALUE_INVALID, message, "filter")
    if everybody and not selection.is_open:
        message = _("Give either conditions or `everybody`, not both.")
        raise _error(GenericErrorCode.VALUE_INVALID, message, "everybody")


def _check_count(selection: Selection, bulk_action: BulkAction, *, actor: Actor) -> None:
    """Raise `SelectionChangedError` unless the users to process are as many as expected."""
    limit = max(bulk_action.total, COUNTED)
    found = _count(selection.users(actor).filter(pk__lt=bulk_action.pk), limit)
    if found != bulk_action.total:
        raise SelectionChangedError(min(found, limit), is_exact=found <= limit)


def _count(users: UserQuerySet, limit: int) -> int:
    return users.order_by().values("pk")[: limit + 1].count()


def _error(code: ErrorCode, message: str, *field: str) -> InputRejectedError:
    return InputRejectedError(Problem(code, message, field))
