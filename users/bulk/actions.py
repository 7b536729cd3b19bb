"""What can be done in bulk: what can be done to one person, by the same service."""

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
    """What is done to each person."""

    SUSPEND = "suspend", "Shut out, as `suspendUser` does; takes `reason`, and may take `until`."
    REACTIVATE = "reactivate", "Let in again, as `reactivateUser` does."
    ADD_TO_GROUP = "add_to_group", "Put into a group, whatever else they are in; takes `groupId`."
    REMOVE_FROM_GROUP = "remove_from_group", "Take out of a group; takes `groupId`."
    VERIFY_EMAIL = "verify_email", "Vouch for the address, as `verifyUserEmail` does."
    END_SESSIONS = "end_sessions", "Sign out everywhere, as `endSessions` does."
    UNLOCK = "unlock", "Forget failed log-ins, as `unlockUser` does."
    REQUIRE_PASSWORD_RESET = (
        "require_password_reset",
        "Have another password chosen, as `requirePasswordReset` does.",
    )
    RESET_SECOND_FACTORS = (
        "reset_second_factors",
        "Remove all second factors, as `resetSecondFactors` does.",
    )
    DELETE = "delete", "Shut the account, to be erased later, as `deleteUser` does."
    CANCEL_DELETION = "cancel_deletion", "Keep the account, as `cancelUserDeletion` does."


@dataclass(frozen=True, slots=True)
class Action:
    """The service of one person, and what starting it for many asks for.

    ``title`` is for administrators to read. ``service`` is called with the person's id, the actor
    and the arguments, of which it must be given those that it ``needs`` and may be given those
    that it ``takes``. ``rule`` is the one that the service asks, too. ``check`` gets the arguments
    before anybody is touched, and raises `InputRejectedError`.
    """

    title: Text
    service: Callable[..., object]
    rule: Rule
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    check: Callable[..., object] | None = None

    def validate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments. Raises `InputRejectedError` for what does not fit."""
        arguments = {name: value for name, value in given.items() if value is not None}
        missing = [name for name in self.needs if name not in arguments]
        unknown = [name for name in arguments if name not in {*self.needs, *self.takes}]
        problems = [
            *(_problem(name, gettext("This action needs it.")) for name in missing),
            *(_problem(name, gettext("This action does not take it.")) for name in unknown),
        ]
        if problems:
            raise InputRejectedError(*problems)
        if self.check is not None:
            self.check(**arguments)
        return arguments

    def carry_out(self, user_id: UUID, **how: Any) -> None:
        """Do it to one person. Raises whatever the service raises."""
        self.service(user_id, **how)


ACTIONS: Final[Mapping[str, Action]] = {
    BulkActionKind.SUSPEND: Action(
        _("Suspend"),
        suspend_user,
        may_administer_users,
        needs=("reason",),
        takes=("until",),
        check=check_suspension,
    ),
    BulkActionKind.REACTIVATE: Action(_("Reactivate"), reactivate_user, may_administer_users),
    BulkActionKind.ADD_TO_GROUP: Action(
        _("Add to a group"),
        add_to_group,
        may_administer_groups,
        needs=("group_id",),
        check=find_group,
    ),
    BulkActionKind.REMOVE_FROM_GROUP: Action(
        _("Remove from a group"),
        remove_from_group,
        may_administer_groups,
        needs=("group_id",),
        check=find_group,
    ),
    BulkActionKind.VERIFY_EMAIL: Action(
        _("Vouch for the address"), verify_user_email, may_administer_users
    ),
    BulkActionKind.END_SESSIONS: Action(_("Sign out everywhere"), end_sessions, may_administer),
    BulkActionKind.UNLOCK: Action(_("Forget failed log-ins"), unlock_user, may_administer),
    BulkActionKind.REQUIRE_PASSWORD_RESET: Action(
        _("Have another password chosen"), require_password_reset, may_administer
    ),
    BulkActionKind.RESET_SECOND_FACTORS: Action(
        _("Reset second factors"), reset_second_factors, may_administer
    ),
    BulkActionKind.DELETE: Action(_("Delete the account"), delete_user, may_administer),
    BulkActionKind.CANCEL_DELETION: Action(
        _("Undo the deletion"), cancel_user_deletion, may_administer
    ),
}


def to_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments as JSON."""
    return {
        name: value.isoformat() if isinstance(value, dt.datetime) else value
        for name, value in arguments.items()
    }


def from_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that `stored` was given."""
    return {
        name: dt.datetime.fromisoformat(value) if name == "until" else value
        for name, value in arguments.items()
    }


def _problem(name: str, message: str) -> Problem:
    return Problem(GenericErrorCode.VALUE_INVALID, message, (name,))
