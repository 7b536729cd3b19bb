"""A user who has used every feature, so that all stores contain canaries."""

import datetime as dt
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.ratelimit import in_postgresql
from core.ratelimit.limits import Bucket, attempt
from tests.support.canaries import (
    AGENT,
    BIO,
    EMAIL,
    EMAILS,
    FAMILY_NAME,
    FORMER_EMAIL,
    FORMER_USERNAME,
    FURTHER_EMAIL,
    GIVEN_NAME,
    IP,
    METADATA_KEY,
    NAME,
    NEXT_EMAIL,
    NICKNAME,
    OTHER_IP,
    PASSKEY_NAME,
    PRIVATE,
    PUBLIC,
    REASON,
    REMOVED_EMAIL,
    TIME_ZONE,
    TOKEN_NAME,
    USERNAME,
    WAITING_EMAIL,
    WEBSITE,
)
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_organization, make_token, node_id
from tests.support.images import SET as SET_AVATAR
from tests.support.images import make_image
from tests.support.passkeys import Authenticator, register
from tests.support.second_factors import set_up_totp
from tests.support.signing_in import LOG_IN
from tests.support.signing_in import attempt as try_to_log_in
from tests.support.waiting import wait_until
from users.accounts.avatars import storage as avatars
from users.accounts.avatars.images import AvatarSize
from users.accounts.models import (
    EmailAddition,
    EmailChange,
    Invitation,
    SignUp,
    User,
)
from users.accounts.throttling import user_buckets as account_buckets
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import (
    PasswordReset,
    RefreshToken,
    Session,
)
from users.authentication.throttling import second_factor_buckets as code_buckets
from users.authentication.throttling import user_buckets as log_in_buckets
from users.organizations.models import Organization, OrganizationInvitation, Role
from users.organizations.throttling import user_buckets as organization_buckets
from users.privacy.models import DataExport
from users.privacy.throttling import user_buckets as export_buckets
from users.webhooks.throttling import user_buckets as webhook_buckets


def canary_client(token: str | None = None, ip: str = IP) -> GraphQLClient:
    """Return a client with the user's IP address and browser."""
    client = GraphQLClient(token)
    client.http.defaults.update({"REMOTE_ADDR": ip, "HTTP_USER_AGENT": AGENT})
    return client


def do(client: GraphQLClient, name: str, input_: str) -> Any:
    """Run a mutation; assert that it succeeds."""
    answer = client(f"mutation {{ {name}(input: {input_}) {{ errors {{ code field }} }} }}")
    assert answer.problems == [], (name, answer.body)
    return answer.data


def create_full_account(root: User) -> User:
    """Create a user who has used every feature."""
    admin = GraphQLClient(make_token(root))
    stranger = canary_client()
    do(
        stranger,
        "signUp",
        f'{{email: "{FORMER_EMAIL}", username: "{FORMER_USERNAME}", password: "{PASSWORD}"}}',
    )
    do(stranger, "resendVerification", f'{{email: "{FORMER_EMAIL}"}}')
    token = SignUp.objects.get().token
    do(stranger, "verifyEmail", f'{{token: "{token}", password: "{PASSWORD}"}}')
    user = User.objects.get(email=FORMER_EMAIL)
    for ip in (IP, OTHER_IP):
        answer = canary_client(ip=ip)(LOG_IN, login=FORMER_USERNAME, password=PASSWORD)
        token = answer.data["logIn"]["accessToken"]
    client = canary_client(token, OTHER_IP)
    do(
        client,
        "updateProfile",
        f'{{name: "{NAME}", givenName: "{GIVEN_NAME}", familyName: "{FAMILY_NAME}",'
        f' nickname: "{NICKNAME}", bio: "{BIO}", website: "{WEBSITE}", timeZone: "{TIME_ZONE}",'
        " isPublic: true}",
    )
    do(client, "changeUsername", f'{{username: "{USERNAME}", password: "{PASSWORD}"}}')
    for email in (EMAIL, NEXT_EMAIL):
        do(client, "requestEmailChange", f'{{email: "{email}", password: "{PASSWORD}"}}')
        if email == EMAIL:
            do(client, "confirmEmailChange", f'{{token: "{EmailChange.objects.get().token}"}}')
    group = Group.objects.create(name="Singers")
    user.groups.add(group)
    user.user_permissions.add(Permission.objects.all()[0])
    organize(user, client, root)
    create_addresses(client)
    for _number in range(2):
        assert client.upload(SET_AVATAR, make_image()).problems == []
    notes = f'public: {{{METADATA_KEY}: "{PUBLIC}"}}, private: {{{METADATA_KEY}: "{PRIVATE}"}}'
    do(admin, "updateMetadata", f'{{userId: "{node_id(user)}", {notes}}}')
    for _number in range(3):
        try_to_log_in(EMAIL, REMOTE_ADDR=IP, HTTP_USER_AGENT=AGENT)
    do(stranger, "requestPasswordReset", f'{{email: "{EMAIL}"}}')
    do(admin, "suspendUser", f'{{userId: "{node_id(user)}", reason: "{REASON}"}}')
    do(admin, "reactivateUser", f'{{userId: "{node_id(user)}"}}')
    answer = canary_client()(LOG_IN, login=USERNAME, password=PASSWORD)
    client = canary_client(answer.data["logIn"]["accessToken"])
    set_up_totp(client)
    register(client, Authenticator(), PASSKEY_NAME)
    token = f'{{name: "{TOKEN_NAME}", scopes: [PROFILE_READ], password: "{PASSWORD}"}}'
    do(client, "createApiToken", token)
    assert client("mutation { requestDataExport { errors { code } } }").problems == []
    wait_until(lambda: DataExport.objects.exclude(ready_at=None).exists())
    do(client, "deleteMe", f'{{password: "{PASSWORD}"}}')
    return user


def create_addresses(client: GraphQLClient) -> None:
    """Add three addresses: one stays, one is removed, one is never verified."""
    for email in (FURTHER_EMAIL, REMOVED_EMAIL, WAITING_EMAIL):
        do(client, "addEmailAddress", f'{{email: "{email}", password: "{PASSWORD}"}}')
        if email != WAITING_EMAIL:
            token = EmailAddition.objects.get().token
            do(client, "confirmEmailAddress", f'{{token: "{token}"}}')
    do(client, "removeEmailAddress", f'{{email: "{REMOVED_EMAIL}", password: "{PASSWORD}"}}')


def organize(user: User, client: GraphQLClient, root: User) -> None:
    """Create memberships and invitations of the user, sent and received."""
    choir = make_organization("Choir", user, root, role=Role.OWNER)
    do(
        client,
        "inviteToOrganization",
        f'{{organizationId: "{node_id(choir)}", email: "guest@example.org"}}',
    )
    admin = GraphQLClient(make_token(root))
    for name, answer in (("Band", "decline"), ("Orchestra", "nothing"), ("Quartet", "cancel")):
        other = make_organization(name, root, role=Role.OWNER)
        do(
            admin,
            "inviteToOrganization",
            f'{{organizationId: "{node_id(other)}", email: "{EMAIL}"}}',
        )
        invitation = OrganizationInvitation.objects.get(organization=other)
        if answer == "decline":
            stranger = canary_client()
            do(stranger, "declineOrganizationInvitation", f'{{token: "{invitation.token}"}}')
        elif answer == "cancel":
            do(admin, "cancelOrganizationInvitation", f'{{invitationId: "{node_id(invitation)}"}}')


def create_traces(user: User) -> list[Bucket]:
    """Add traces of time and failures; return the filled buckets."""
    soon = timezone.now() + dt.timedelta(hours=1)
    session = Session.objects.create(user=user, ip=IP, user_agent=AGENT, expires_at=soon)
    RefreshToken.objects.create(session=session, digest=b"canary digest", expires_at=soon)
    Invitation.objects.create(email=EMAIL, name=NAME, locale="en", expires_at=soon)
    SignUp.objects.create(
        email=EMAIL, username="canary.third", password="!", locale="en", expires_at=soon
    )
    EmailChange.objects.create(user=user, email=NEXT_EMAIL, expires_at=soon)
    EmailAddition.objects.create(user=user, email=WAITING_EMAIL, expires_at=soon)
    OrganizationInvitation.objects.create(
        organization=Organization.objects.get(name="Band"),
        inviter=User.objects.get(username="root"),
        email=REMOVED_EMAIL,
        role=Role.MEMBER,
        locale="en",
        expires_at=soon,
    )
    PasswordReset.objects.create(user=user, email=EMAIL, expires_at=soon)
    buckets = [
        *account_buckets(user.pk, EMAILS),
        *organization_buckets(user.pk, EMAILS),
        *log_in_buckets(user.pk, [*EMAILS, USERNAME]),
        *code_buckets(user.pk),
        *export_buckets(user.pk),
        *webhook_buckets(user.pk),
    ]
    # All limits of the services are covered.
    limits = {bucket.limit.name for bucket in buckets}
    assert {"avatar.user", "username.user", "password.user", "export.user"} <= limits
    attempt(*(bucket for bucket in buckets if bucket.limit.name != "log_in.lockout"))
    in_postgresql.fill({bucket.key: bucket.limit for bucket in buckets})
    # As if a mail server had been down for a month.
    event = Event.objects.filter(subject_id=user.pk).latest("pk")
    OutboxMessage.objects.create(
        subscriber="users.privacy.tasks.mail_deletion",
        payload={"event_id": str(event.pk)},
        dispatch_at=soon,
    )
    return buckets


def former_avatars(user: User) -> list[str]:
    """Create files of replaced avatars, not yet deleted by a worker; return their keys."""
    changes = Event.objects.filter(subject_id=user.pk, tag=Tag.AVATAR_CHANGED)
    keys = [key for key in changes.values_list("data__former", flat=True) if key]
    assert keys
    for key in keys:
        for size in AvatarSize:
            default_storage.save(avatars.file_name(key, size), ContentFile(make_image()))
    return keys
