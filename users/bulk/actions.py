"""The kinds of bulk actions, each applied by the service for a single user."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.enums import DescribedEnum
from core.errors import GenericErrorCode, InputRejectedError, Problem, Text
from core.security.actor import Rule
from users.accounts.policy import (
    may_administer,
    may_administer_groups,
    may_administer_users,
)
from users.accounts.services.administration import verify_user_email
from users.accounts.services.grants import add_to_group, remove_from_group
from users.accounts.services.groups import find_group
from users.authentication.services.end_sessions import end_sessions
from users.authentication.services.passwords import require_password_reset
from users.authentication.services.reset_mfa import reset_second_factors
from users.authentication.services.suspension import (
    check_suspension,
    reactivate_user,
    suspend_user,
)
from users.authentication.services.unlock import unlock_user
from users.privacy.services.deletion import cancel_user_deletion, delete_user


class BulkActionKind(DescribedEnum):
    """What a bulk action does to each user."""

    SUSPEND = "suspend", "Suspend, as `suspendUser` does. Requires `reason`; `until` is optional."
    REACTIVATE = "reactivate", "Reactivate, as `reactivateUser` does."
    ADD_TO_GROUP = "add_to_group", "Add to a group and keep other groups. Requires `groupId`."
    REMOVE_FROM_GROUP = "remove_from_group", "Remove from a group. Requires `groupId`."
    VERIFY_EMAIL = "verify_email", "Mark the address as verified, as `verifyUserEmail` does."
    END_SESSIONS = "end_sessions", "End all sessions, as `endSessions` does."
    UNLOCK = "unlock", "Unlock, as `unlockUser` does."
    REQUIRE_PASSWORD_RESET = (
        "require_password_reset",
        "Require a password reset, as `requirePasswordReset` does.",
    )
    RESET_SECOND_FACTORS = (
        "reset_second_factors",
        "Remove all second factors, as `resetSecondFactors` does.",
    )
    DELETE = "delete", "Schedule the deletion of the account, as `deleteUser` does."
    CANCEL_DELETION = "cancel_deletion", "Cancel the deletion, as `cancelUserDeletion` does."


@dataclass(frozen=True, slots=True)
class Action:
    """A service for a single user, and the requirements of its bulk action.

    ``title`` is shown to administrators. ``service`` is called with the user's id, the actor and
    the ``required`` and the ``optional`` arguments. ``rule`` is the access rule that the service
    itself checks. ``check`` validates the arguments before the action starts, and raises
    `InputRejectedError`.
    """

    title: Text
    service: Callable[..., object]
    rule: Rule
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    check: Callable[..., object] | None = None

    def validate(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the valid arguments. Raises `InputRejectedError`."""
        arguments = {name: value for name, value in values.items() if value is not None}
        missing = [name for name in self.required if name not in arguments]
        unknown = [name for name in arguments if name not in {*self.required, *self.optional}]
        problems = [
            *(_problem(name, gettext("This action requires a value.")) for name in missing),
            *(_problem(name, gettext("This action does not accept a value.")) for name in unknown),
        ]
        if problems:
            raise InputRejectedError(*problems)
        if self.check is not None:
            self.check(**arguments)
        return arguments

    def apply(self, user_id: UUID, **arguments: Any) -> None:
        """Call the service for one user. Raises the service's errors."""
        self.service(user_id, **arguments)


ACTIONS: Final[Mapping[str, Action]] = {
    BulkActionKind.SUSPEND: Action(
        _("Suspend"),
        suspend_user,
        may_administer_users,
        required=("reason",),
        optional=("until",),
        check=check_suspension,
    ),
    BulkActionKind.REACTIVATE: Action(_("Reactivate"), reactivate_user, may_administer_users),
    BulkActionKind.ADD_TO_GROUP: Action(
        _("Add to a group"),
        add_to_group,
        may_administer_groups,
        required=("group_id",),
        check=find_group,
    ),
    BulkActionKind.REMOVE_FROM_GROUP: Action(
        _("Remove from a group"),
        remove_from_group,
        may_administer_groups,
        required=("group_id",),
        check=find_group,
    ),
    BulkActionKind.VERIFY_EMAIL: Action(
        _("Mark the address as verified"), verify_user_email, may_administer_users
    ),
    BulkActionKind.END_SESSIONS: Action(_("Sign out everywhere"), end_sessions, may_administer),
    BulkActionKind.UNLOCK: Action(_("Unlock"), unlock_user, may_administer),
    BulkActionKind.REQUIRE_PASSWORD_RESET: Action(
        _("Require a password reset"), require_password_reset, may_administer
    ),
    BulkActionKind.RESET_SECOND_FACTORS: Action(
        _("Reset second factors"), reset_second_factors, may_administer
    ),
    BulkActionKind.DELETE: Action(_("Delete the account"), delete_user, may_administer),
    BulkActionKind.CANCEL_DELETION: Action(
        _("Cancel the deletion"), cancel_user_deletion, may_administer
    ),
}


def to_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments as JSON."""
    return {
        name: value.isoformat() if isinstance(value, dt.datetime) else value
        for name, value in arguments.items()
    }


def from_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that `to_json` serialized."""
    return {
        name: dt.datetime.fromisoformat(value) if name == "until" else value
        for name, value in arguments.items()
    }


def _problem(name: str, message: str) -> Problem:
    return Problem(GenericErrorCode.VALUE_INVALID, message, (name,))
