"""What administrators do to accounts and groups."""

from collections.abc import Collection, Iterable
from typing import Any

import strawberry
import strawberry_django
from django.contrib.auth import models as auth
from django.utils.translation import gettext as _

from core.errors import ErrorCode, InputRejectedError, Problem
from schema.accounts.mutations import LOCALE, USERNAME
from schema.accounts.types import Group, UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from schema.nodes import node_key, one
from users.accounts.permissions import permissions_by_name
from users.accounts.policy import may_administer, require
from users.accounts.services.administration import (
    FLAGS,
    IDENTIFIERS,
    change_user,
    create_user,
    verify_user_email,
)
from users.accounts.services.groups import delete_group, save_group
from users.accounts.services.invitation import invite_user
from users.accounts.services.profile import PROFILE_FIELDS, USER_FIELDS

USER_ID = "The person's `id`."
GROUP_ID = "The group's `id`."


@strawberry.input(description="A new account, which can be used at once.")
class CreateUserInput:
    """What creating takes."""

    email: str = strawberry.field(description="The address.")
    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters; any will do.")
    name: str = strawberry.field(default="", description="The name to show.")
    locale: str = strawberry.field(default="en", description=LOCALE)
    is_email_verified: bool = strawberry.field(
        default=False, description="Whether you vouch for the address."
    )
    is_staff: bool = strawberry.field(default=False, description="Whether they see everybody.")
    is_superuser: bool = strawberry.field(
        default=False, description="Whether they administer the service."
    )


@strawberry.input(description="Whom to invite.")
class InviteUserInput:
    """What inviting takes."""

    email: str = strawberry.field(description="Gets the link to accept.")
    name: str = strawberry.field(default="", description="The name to show.")
    locale: str = strawberry.field(default="en", description=LOCALE)


@strawberry.type(description="Nothing but errors: there is no account yet.")
class InviteUserPayload(Payload):
    """Tells errors only."""


@strawberry.input(description="The fields to change; those left out stay.")
class UpdateUserInput:
    """Every field but the id is optional."""

    user_id: strawberry.ID = strawberry.field(description=USER_ID)
    email: strawberry.Maybe[str] = strawberry.field(description="Not verified any more.")
    username: strawberry.Maybe[str] = strawberry.field(description=USERNAME)
    name: strawberry.Maybe[str] = strawberry.field(description="The name to show.")
    is_public: strawberry.Maybe[bool] = strawberry.field(
        description="Whether other people may find them."
    )
    bio: strawberry.Maybe[str] = strawberry.field(description="At most 500 characters.")
    website: strawberry.Maybe[str] = strawberry.field(description="An http or https URL.")
    locale: strawberry.Maybe[str] = strawberry.field(description=LOCALE)
    time_zone: strawberry.Maybe[str] = strawberry.field(description="An IANA time zone.")
    is_staff: strawberry.Maybe[bool] = strawberry.field(description="Whether they see everybody.")
    is_superuser: strawberry.Maybe[bool] = strawberry.field(
        description="Whether they administer the service."
    )
    group_ids: strawberry.Maybe[list[strawberry.ID]] = strawberry.field(
        description="The `id`s of all groups they are to be in."
    )

    def given(self, names: Collection[str]) -> dict[str, Any]:
        """Return those of the named fields that were given."""
        fields = {name: getattr(self, name) for name in names}
        return {name: some.value for name, some in fields.items() if some is not None}


@strawberry.input(description="Whose address you vouch for.")
class VerifyUserEmailInput:
    """What verifying takes."""

    user_id: strawberry.ID = strawberry.field(description=USER_ID)


@strawberry.input(description="A new group.")
class CreateGroupInput:
    """What creating takes."""

    name: str = strawberry.field(description="Unique; at most 150 characters.")
    permissions: list[str] = strawberry.field(
        default_factory=list, description="What the members may do, as app.codename."
    )


@strawberry.input(description="A group as it is to be.")
class UpdateGroupInput(CreateGroupInput):
    """What changing takes: all of it."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)


@strawberry.input(description="The group to delete.")
class DeleteGroupInput:
    """What deleting takes."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)


@strawberry.type(description="Nothing but errors.")
class DeleteGroupPayload(Payload):
    """Tells errors only."""


@strawberry.type(description="A mutation's answer about a group.")
class GroupPayload(Payload):
    """A payload about one group."""

    group_id: strawberry.Private[int | None] = None

    @strawberry_django.field(description="The group; null if the input was refused.")
    def group(self) -> Group | None:
        """Look the group up as it is after the mutation."""
        return one(auth.Group.objects.all(), self.group_id)


@strawberry.type
class AdministrationMutation:
    """Accounts and groups, for administrators."""

    @mutation("Creates an account that can be used at once, for administrators.")
    def create_user(self, info: Info, input: CreateUserInput) -> UserPayload:
        """Create the account."""
        user = create_user(actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation("Offers an account to the owner of an address, for administrators.")
    def invite_user(self, info: Info, input: InviteUserInput) -> InviteUserPayload:
        """Have the invitation mailed."""
        invite_user(actor=info.context.actor, **vars(input))
        return InviteUserPayload()

    @mutation("Changes anything about a person, for administrators; profiles, for staff.")
    def update_user(self, info: Info, input: UpdateUserInput) -> UserPayload:
        """Change all of it or nothing."""
        group_ids = input.given(["group_ids"]).get("group_ids")
        user = change_user(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            identifiers=input.given(IDENTIFIERS),
            profile=input.given((*USER_FIELDS, *PROFILE_FIELDS)),
            flags=input.given(FLAGS),
            groups=None if group_ids is None else _groups(info, group_ids),
        )
        return UserPayload(user_id=user.pk)

    @mutation("Vouches for a person's address, for administrators.")
    def verify_user_email(self, info: Info, input: VerifyUserEmailInput) -> UserPayload:
        """Set the mark."""
        user = verify_user_email(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)

    @mutation("Creates a group, for administrators.")
    def create_group(self, info: Info, input: CreateGroupInput) -> GroupPayload:
        """Create it."""
        return _save(auth.Group(), info, input)

    @mutation("Changes a group and what its members may do, for administrators.")
    def update_group(self, info: Info, input: UpdateGroupInput) -> GroupPayload:
        """Change it."""
        return _save(auth.Group(pk=node_key(input.group_id, "Group") or 0), info, input)

    @mutation("Deletes a group; its members lose what it permitted. For administrators.")
    def delete_group(self, info: Info, input: DeleteGroupInput) -> DeleteGroupPayload:
        """Delete it."""
        delete_group(node_key(input.group_id, "Group"), actor=info.context.actor)
        return DeleteGroupPayload()


def _save(group: auth.Group, info: Info, input: CreateGroupInput) -> GroupPayload:
    permissions = _permissions(info, input.permissions)
    save_group(group, actor=info.context.actor, name=input.name, permissions=permissions)
    return GroupPayload(group_id=group.pk)


def _permissions(info: Info, names: Iterable[str]) -> list[auth.Permission]:
    require(info.context.actor, may_administer)
    known = permissions_by_name()
    return [known[name] for name in _known(names, known, "permissions")]


def _groups(info: Info, ids: Iterable[str]) -> list[auth.Group]:
    require(info.context.actor, may_administer)
    keys = {id_: node_key(id_, "Group") for id_ in ids}
    found = auth.Group.objects.in_bulk([key for key in keys.values() if key])
    known = {id_ for id_, key in keys.items() if key in found}
    return [found[keys[id_]] for id_ in _known(keys, known, "group_ids")]


def _known(given: Iterable[str], known: Collection[str], field: str) -> list[str]:
    """Return what is given once each. Raises `InputRejectedError` if any of it is not known."""
    names = list(dict.fromkeys(given))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputRejectedError(
            Problem(
                ErrorCode.NOT_FOUND,
                _("These do not exist: %(names)s.") % {"names": ", ".join(unknown[:10])},
                (field,),
            )
        )
    return names
