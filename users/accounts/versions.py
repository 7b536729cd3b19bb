"""Which changes of accounts touch which entities.

The key of a user's version is the user's id. A version covers what the fields of `User` in
`schema` show, except those that read a table of `TouchesNothing`.
"""

from typing import Final

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from core.versions.touches import Touches, TouchesNothing, global_entity, register_touches
from users.accounts.models import EmailAddress, LastSeen, Metadata, Profile, User

# Of `accounts/0020_touches`. It also touches what covers the users: their organisations.
TOUCH_USERS: Final = "touch_users"

# The names of groups and the permissions that they grant; members belong to the users' versions.
GROUPS: Final = global_entity("groups")
# The names and descriptions of permissions.
PERMISSIONS: Final = global_entity("permissions")

register_touches(
    Touches(
        User,
        ("id",),
        TOUCH_USERS,
        hidden={
            "password": "a secret",
            "search_text": "derived from the names",
            "private_search_text": "derived from the names and the address",
        },
    ),
    Touches(Profile, ("user_id",), TOUCH_USERS),
    Touches(Metadata, ("user_id",), TOUCH_USERS),
    Touches(EmailAddress, ("user_id",), TOUCH_USERS),
    Touches(User.groups.through, ("user_id",), TOUCH_USERS),
    Touches(User.user_permissions.through, ("user_id",), TOUCH_USERS),
    Touches(Group, GROUPS),
    Touches(Group.permissions.through, GROUPS),
    Touches(Permission, PERMISSIONS),
    Touches(ContentType, PERMISSIONS),
    TouchesNothing(LastSeen, "Written every few minutes for active users."),
)
