"""Payloads of deletions: the id of the object that is gone."""

from typing import Final

import pytest

from tests.support.client import GraphQLClient
from tests.support.documents import SCHEMA
from tests.support.factories import make_token, node_id
from tests.support.tables.authorization.kinds import ADMINISTRATOR, OWNER
from tests.support.tables.authorization.writes import WRITES
from tests.support.world import World, write
from users.accounts.models import EmailAddress, User
from users.organizations.models import Membership, OrganizationInvitation

# The mutations that delete an object, who executes them, and where the payload has its id.
DELETIONS: Final[dict[str, tuple[str, str]]] = {
    "deleteGroup": (ADMINISTRATOR, "deletedGroupId"),
    "deleteOrganization": (OWNER, "deletedOrganizationId"),
    "removeMember": (OWNER, "removedMembershipId"),
    "leaveOrganization": ("member", "removedMembershipId"),
    "cancelInvitation": (ADMINISTRATOR, "deletedInvitationId"),
    "cancelOrganizationInvitation": (OWNER, "deletedInvitationId"),
    "deleteWebhook": (OWNER, "deletedWebhookId"),
    "revokeApiToken": (OWNER, "deletedApiTokenId"),
    "revokeSession": (OWNER, "deletedSessionId"),
    "removePasskey": (OWNER, "deletedPasskeyId"),
    "removeEmailAddress": (OWNER, "deletedEmailAddressId"),
    "removeUserEmailAddress": (ADMINISTRATOR, "deletedEmailAddressId"),
    "setPrimaryEmailAddress": (OWNER, "deletedEmailAddressId"),
}
# Mutations with such a name that delete no node, or many: see the table in docs/api.md.
OTHERS: Final = {
    *("deleteMe", "deleteUser", "cancelDeletion", "cancelUserDeletion", "cancelBulkAction"),
    "cancelJob",
    *("removeAvatar", "removeUserAvatar", "removeTotp", "removeFromGroups"),
    *("revokeUserPermissions", "revokeGroupPermissions", "revokeOtherSessions"),
    # Tested below.
    *("deletePermission", "declineOrganizationInvitation"),
}
VERBS: Final = ("delete", "remove", "revoke", "cancel", "leave", "decline")


def deleted(world: World, name: str) -> str:
    """Return the id of the object that the mutation deletes."""
    field = DELETIONS[name][1]
    if field == "removedMembershipId":
        return node_id(Membership.objects.get(user__username="member"))
    if field == "deletedEmailAddressId":
        return node_id(EmailAddress.objects.get())
    if name == "cancelInvitation":
        return world.ids["pending"]
    kind = field.removeprefix("deleted").removesuffix("Id")
    return world.ids["token" if kind == "ApiToken" else kind.lower()]


@pytest.mark.parametrize("name", DELETIONS)
def test_payloads_have_the_id_of_what_is_gone(world: World, name: str) -> None:
    kind, field = DELETIONS[name]
    id_ = deleted(world, name)
    client = world.clients.get(kind) or GraphQLClient(
        make_token(User.objects.get(username="member"))
    )
    node = f'query {{ node(id: "{id_}") {{ id }} }}'
    assert world.ask(client, node).data == {"node": {"id": id_}}
    document = write(name).replace("errors {", f"{field} errors {{")
    assert world.ask(client, document).data == {name: {field: id_, "errors": []}}
    assert world.ask(client, node).data == {"node": None}


@pytest.mark.parametrize("name", ["removeEmailAddress", "removeMember", "deleteOrganization"])
def test_refused_deletions_have_no_id(world: World, name: str) -> None:
    kind, field = DELETIONS[name]
    document = write(name).replace("errors {", f"{field} errors {{")
    world.ask(kind, document)
    payload = world.ask(kind, document).data[name]
    assert payload[field] is None
    assert payload["errors"] != []


def test_declined_invitations_and_permissions_are_named(world: World) -> None:
    invitation = OrganizationInvitation.objects.get()
    decline = f"""mutation {{ declineOrganizationInvitation(input: {{token: "{invitation.token}"}})
      {{ deletedInvitationId }} }}"""
    assert world.ask("anonymous", decline).data == {
        "declineOrganizationInvitation": {"deletedInvitationId": node_id(invitation)}
    }
    forget = write("deletePermission").replace("errors {", "deletedPermissionName errors {")
    payload = world.ask(ADMINISTRATOR, forget).data["deletePermission"]
    assert payload == {"deletedPermissionName": "shop.sell", "errors": []}


def test_cancelled_additions_have_no_id(world: World) -> None:
    """An address that was never confirmed is no node."""
    world.ask(OWNER, write("addEmailAddress"))
    document = write("removeEmailAddress").replace("owner@example.com", "new@example.org")
    payload = world.ask(OWNER, document.replace("errors {", "deletedEmailAddressId errors {")).data
    assert payload["removeEmailAddress"] == {"deletedEmailAddressId": None, "errors": []}


def test_every_deletion_is_listed() -> None:
    named = {name for name in SCHEMA.mutation_type.fields if name.startswith(VERBS)}
    assert named == {*DELETIONS, *OTHERS} - {"setPrimaryEmailAddress"}
    assert DELETIONS.keys() <= WRITES.keys()
