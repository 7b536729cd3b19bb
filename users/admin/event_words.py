"""The audit trail in words: tags, and what an event says about a change."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from users.activity.models import Event
from users.activity.tags import Tag

TAGS: Final[Mapping[Tag, Text]] = {
    Tag.SIGN_UP_REQUESTED: _("Sign-up requested"),
    Tag.SIGN_UP_VERIFICATION_REQUESTED: _("Sign-up link requested again"),
    Tag.USER_INVITED: _("Invited"),
    Tag.INVITATION_ACCEPTED: _("Invitation accepted"),
    Tag.INVITATION_CANCELED: _("Invitation canceled"),
    Tag.EMAIL_VERIFIED: _("Address verified"),
    Tag.EMAIL_CHANGE_REQUESTED: _("Change of address requested"),
    Tag.EMAIL_CHANGED: _("Address changed"),
    Tag.EMAIL_CHANGE_UNDONE: _("Change of address undone"),
    Tag.EMAIL_ADDRESS_REQUESTED: _("Secondary address requested"),
    Tag.EMAIL_ADDRESS_ADDED: _("Secondary address added"),
    Tag.EMAIL_ADDRESS_REMOVED: _("Secondary address removed"),
    Tag.EMAIL_UNDELIVERABLE: _("Mail refused"),
    Tag.EMAIL_DELIVERABLE: _("Mail accepted again"),
    Tag.OUTBOX_MESSAGE_RETRIED: _("Message retried"),
    Tag.OUTBOX_MESSAGE_DROPPED: _("Message deleted"),
    Tag.USERNAME_CHANGED: _("Username changed"),
    Tag.USER_CREATED: _("Account created"),
    Tag.USER_CHANGED: _("Role changed"),
    Tag.PROFILE_CHANGED: _("Profile changed"),
    Tag.AVATAR_CHANGED: _("Avatar changed"),
    Tag.AVATAR_REMOVED: _("Avatar removed"),
    Tag.METADATA_CHANGED: _("Metadata changed"),
    Tag.USER_GROUPS_CHANGED: _("Groups changed"),
    Tag.GROUP_CHANGED: _("Group changed"),
    Tag.GROUP_DELETED: _("Group deleted"),
    Tag.PERMISSION_CHANGED: _("Permission changed"),
    Tag.PERMISSION_DELETED: _("Permission deleted"),
    Tag.USER_PERMISSIONS_CHANGED: _("Own permissions changed"),
    Tag.USER_SUSPENDED: _("Suspended"),
    Tag.USER_REACTIVATED: _("Reactivated"),
    Tag.USER_UNLOCKED: _("Unlocked"),
    Tag.DELETION_SCHEDULED: _("Deletion scheduled"),
    Tag.DELETION_CANCELED: _("Deletion canceled"),
    Tag.USER_ERASED: _("Data erased"),
    Tag.DATA_EXPORT_REQUESTED: _("Own data requested"),
    Tag.DATA_EXPORT_COMPLETED: _("Own data ready"),
    Tag.DATA_EXPORT_FETCHED: _("Own data downloaded"),
    Tag.BULK_ACTION_STARTED: _("Bulk action started"),
    Tag.BULK_ACTION_CANCELED: _("Bulk action canceled"),
    Tag.BULK_ACTION_FINISHED: _("Bulk action ended"),
    Tag.USER_IMPORT_STARTED: _("Import started"),
    Tag.USER_IMPORT_CANCELED: _("Import canceled"),
    Tag.USER_IMPORT_FINISHED: _("Import ended"),
    Tag.USER_IMPORTED: _("Account imported"),
    Tag.IMPORTED_USER_CHANGED: _("Account changed by an import"),
    Tag.MEMBER_IMPORTED: _("Member imported"),
    Tag.USER_EXPORT_STARTED: _("Export of people started"),
    Tag.USER_EXPORT_CANCELED: _("Export of people canceled"),
    Tag.USER_EXPORT_FINISHED: _("Export of people ended"),
    Tag.USER_EXPORT_DOWNLOADED: _("Export of people downloaded"),
    Tag.USERS_EXPORTED: _("People exported by a command"),
    Tag.SERVICE_ACCOUNT_CREATED: _("Service account created"),
    Tag.SERVICE_ACCOUNT_DEACTIVATED: _("Service account deactivated"),
    Tag.ORGANIZATION_CREATED: _("Organisation created"),
    Tag.ORGANIZATION_RENAMED: _("Organisation renamed"),
    Tag.ORGANIZATION_DELETED: _("Organisation deleted"),
    Tag.ORGANIZATION_INVITATION_SENT: _("Invited to an organisation"),
    Tag.ORGANIZATION_INVITATION_CANCELED: _("Invitation to an organisation canceled"),
    Tag.ORGANIZATION_INVITATION_DECLINED: _("Invitation to an organisation declined"),
    Tag.ORGANIZATION_INVITATION_ACCEPTED: _("Joined an organisation"),
    Tag.MEMBER_ROLE_CHANGED: _("Role in an organisation changed"),
    Tag.MEMBER_REMOVED: _("Removed from an organisation"),
    Tag.MEMBER_LEFT: _("Left an organisation"),
    Tag.PASSWORD_REFUSED: _("Wrong current password"),
    Tag.PASSWORD_CHANGED: _("Password changed"),
    Tag.PASSWORD_RESET_REQUESTED: _("Password reset requested"),
    Tag.PASSWORD_RESET_FORCED: _("Password reset required"),
    Tag.PASSWORD_RESET: _("Password reset"),
    Tag.API_TOKEN_CREATED: _("API token created"),
    Tag.API_TOKEN_ROTATED: _("API token rotated"),
    Tag.API_TOKEN_RENAMED: _("API token renamed"),
    Tag.API_TOKEN_REVOKED: _("API token revoked"),
    Tag.FACTOR_ADDED: _("Second factor set up"),
    Tag.FACTOR_REMOVED: _("Second factor removed"),
    Tag.FACTOR_RENAMED: _("Passkey renamed"),
    Tag.FACTOR_USED: _("Second factor used"),
    Tag.FACTOR_REFUSED: _("Second factor refused"),
    Tag.RECOVERY_CODE_USED: _("Recovery code used"),
    Tag.RECOVERY_CODES_REGENERATED: _("Recovery codes replaced"),
    Tag.FACTORS_RESET: _("Second factors reset"),
    Tag.REAUTHENTICATED: _("Authenticated again"),
    Tag.LOGGED_IN: _("Signed in"),
    Tag.LOG_IN_REFUSED: _("Sign-in refused"),
    Tag.LOG_IN_THROTTLED: _("Locked after failed sign-ins"),
    Tag.IMPERSONATION_BEGUN: _("Impersonation started"),
    Tag.IMPERSONATION_ENDED: _("Impersonation ended"),
    Tag.LOGGED_OUT: _("Signed out"),
    Tag.SESSIONS_REVOKED: _("Sessions ended"),
    Tag.REFRESH_TOKEN_REUSED: _("Refresh token used again"),
    Tag.WEBHOOK_CREATED: _("Webhook created"),
    Tag.WEBHOOK_CHANGED: _("Webhook changed"),
    Tag.WEBHOOK_DELETED: _("Webhook deleted"),
    Tag.WEBHOOK_SECRET_ROTATED: _("Webhook secret rotated"),
    Tag.WEBHOOK_DISABLED: _("Webhook disabled"),
    Tag.WEBHOOK_TESTED: _("Webhook tested"),
    Tag.WEBHOOK_REDELIVERED: _("Event sent again"),
    Tag.EVENTS_EXPIRED: _("Old events deleted"),
}
NAMES: Final[Mapping[str, Text]] = {
    "reason": _("Reason"),
    "until": _("Until"),
    "email": _("E-mail"),
    "username": _("Username"),
    "name": _("Name"),
    "fields": _("Fields"),
    "is_staff": _("Staff"),
    "is_superuser": _("Administrator"),
    "method": _("Method"),
    "role": _("Role"),
    "scopes": _("Scopes"),
    "organization": _("Organisation"),
    "on_behalf_of": _("On behalf of"),
    "value": _("Value"),
    "address": _("Address"),
    "before": _("Before"),
    "began_at": _("Begun"),
    "by_cookie": _("By cookie"),
    "by_token": _("By API token"),
    "bulk_action": _("Bulk action"),
    "columns": _("Columns"),
    "count": _("Number"),
    "delivery": _("Delivery"),
    "done": _("Done"),
    "due_at": _("Erasure on"),
    "ended_at": _("Ended"),
    "event": _("Event"),
    "expires": _("Expires"),
    "expires_at": _("Expires"),
    "export": _("Export"),
    "failed": _("Refused"),
    "format": _("Format"),
    "former": _("Former avatar"),
    "group": _("Group"),
    "host": _("Host"),
    "is_enabled": _("Enabled"),
    "is_factor": _("As a second factor"),
    "left": _("Left"),
    "link": _("Link"),
    "members": _("Members"),
    "message": _("Message"),
    "methods": _("Methods"),
    "passkey": _("Passkey"),
    "permission": _("Permission"),
    "previous_expires": _("Former secret expires"),
    "reversal": _("Link to undo it"),
    "session": _("Session"),
    "sessions": _("Ended sessions"),
    "state": _("State"),
    "tags": _("Events"),
    "token": _("API token"),
    "tokens": _("Revoked API tokens"),
    "unchanged": _("Unchanged"),
    "user_export": _("Export of people"),
    "user_import": _("Import of people"),
    "webhook": _("Webhook"),
}
# Shown in fields of their own.
SHOWN_ELSEWHERE: Final = frozenset({"ip", "user_agent"})


def tag_in_words(tag: str) -> Text:
    """Return a tag in words; a retired one as it is."""
    return TAGS.get(tag, tag)  # type: ignore[call-overload,no-any-return]


def details_of(event: Event) -> Iterator[tuple[str, str, str]]:
    """Yield what an event says: a name in words, the former value and the value."""
    former, values = _former_and_new(event.data | event.personal_values)
    for key in dict.fromkeys([*former, *values]):
        if key not in SHOWN_ELSEWHERE:
            name = NAMES.get(key, key.replace("_", " "))
            yield str(name), _text(former.get(key)), _text(values.get(key))


def _former_and_new(said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort `old`, `new`, `old_reason` and the like by what they are values of."""
    former: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for key, value in said.items():
        target, name = values, key
        if key in {"old", "new"}:
            target, name = (former if key == "old" else values), "value"
        elif key.startswith("old_"):
            target, name = former, key.removeprefix("old_")
        target |= value if name == "value" and isinstance(value, dict) else {name: value}
    return former, values


def _text(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value)
