"""The test data: clients and users, whose values appear in the responses."""

import datetime as dt
import json
import re
from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from core.security.actor import ANONYMOUS, Actor
from tests.support.factories import (
    global_id,
    make_api_token,
    make_bulk_action,
    make_delivery,
    make_factors,
    make_organization,
    make_organization_invitation,
    make_service,
    make_session,
    make_user,
    make_user_export,
    make_user_import,
    make_webhook,
    node_id,
)
from users.accounts.errors import AccountErrorCode
from users.accounts.models import (
    PROFILE_FIELDS,
    EmailAddress,
    Invitation,
    Metadata,
    Profile,
    User,
)
from users.activity.models import COUNTS, CohortWeek, Event, EventDetails, IntervalCounts
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import ApiToken, Passkey, Session, Suspension, Totp
from users.authentication.sessions.access_tokens import issue_access_token
from users.bulk.actions import BulkActionKind
from users.bulk.models import BulkAction
from users.exports.models import UserExport
from users.imports.models import ExternalId, UserImport
from users.jobs.states import JobState
from users.organizations.models import Membership, Organization, OrganizationInvitation, Role
from users.privacy.models import AccountDeletion, DataExport
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.states import WebhookDisabledReason

FIREFOX: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"
)
# Key of an avatar's files.
KEY: Final = "a1" * 16
FOREVER: Final = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def at(month: int, day: int) -> dt.datetime:
    """Return a time in 2024."""
    return dt.datetime(2024, month, day, 8, tzinfo=dt.UTC)


ALICES_PROFILE: Final = {
    **{name: f"Alice's {name}" for name in PROFILE_FIELDS},
    "website": "https://alice.example",
    "locale": "de",
    "time_zone": "Europe/Berlin",
}


class Cast:
    """Users, their access tokens, and the ids and times of the responses."""

    def __init__(self) -> None:
        self.tokens: dict[str, str | None] = {"anonymous": None}
        self.values: dict[str, str] = {}
        self._people()
        self._permissions()
        self._organizations()
        self._invitations()
        self._factors()
        self._sessions()
        self._api_tokens()
        self._events()
        self._bulk_actions()
        self._webhooks()

    def filled(self, text: str) -> str:
        """Substitute the names in a document or a JSON response by values."""
        return re.sub(r'"?\$([\w.]+)"?', lambda found: json.dumps(self.values[found[1]]), text)

    def _name(self, name: str, row: Any) -> None:
        self.values[name] = node_id(row)

    def _people(self) -> None:
        self.alice = make_user(
            "alice",
            name="Alice Archer",
            date_joined=at(1, 1),
            email_verified_at=at(1, 2),
            seen=at(3, 1),
            locale="de",
        )
        Profile.objects.filter(user=self.alice).update(avatar=KEY, **ALICES_PROFILE)
        secondary = EmailAddress.objects.create(
            user=self.alice,
            email="alice@example.net",
            verified_at=at(1, 7),
            undeliverable_at=at(1, 8),
        )
        Metadata.objects.create(user=self.alice, public={"plan": "team"}, private={"crm": 7})
        self.bob, self.charlie, self.dora = (
            make_user(name, date_joined=at(1, 1)) for name in ("bob", "charlie", "dora")
        )
        self.pat = make_user("pat", name="Pat Public", is_public=True, date_joined=at(1, 3))
        self.sue = make_user(
            "sue", name="Sue Shut", is_public=True, is_active=False, date_joined=at(1, 4)
        )
        suspension = Suspension.objects.create(user=self.sue, reason="Spam", until=FOREVER)
        Suspension.objects.filter(pk=suspension.pk).update(created_at=at(2, 1))
        # A user in every state at once.
        deletion = AccountDeletion.objects.create(user=self.sue, expires_at=FOREVER)
        AccountDeletion.objects.filter(pk=deletion.pk).update(requested_at=at(2, 2))
        User.objects.filter(pk=self.sue.pk).update(erased_at=at(2, 3))
        export = DataExport.objects.create(user=self.alice, ready_at=at(3, 3), expires_at=FOREVER)
        DataExport.objects.filter(pk=export.pk).update(requested_at=at(3, 2))
        self.sam = make_user("sam", is_staff=True, date_joined=at(1, 5))
        self.root = make_user("root", is_staff=True, is_superuser=True, date_joined=at(1, 6))
        make_service("robot", name="Robot", is_staff=True, date_joined=at(1, 7))
        for user in User.objects.all():
            self._name(user.username, user)
        self._name("profile", self.alice.profile)
        # A primary address has the key of its user.
        self.values["primary"] = global_id("EmailAddress", self.alice.pk)
        self._name("secondary", secondary)
        self._name("export", export)

    def _permissions(self) -> None:
        # Without Django's own permissions, which are many.
        Permission.objects.all().delete()
        shop = ContentType.objects.create(app_label="shop", model="custom")
        sell, refund = (
            Permission.objects.create(content_type=shop, codename=word, name=f"Can {word} things")
            for word in ("sell", "refund")
        )
        editors = Group.objects.create(name="Editors")
        editors.permissions.add(sell)
        editors.user_set.add(self.alice)
        self.alice.user_permissions.add(refund)
        self._name("editors", editors)
        self.editors = editors
        self._name("authors", Group.objects.create(name="Authors"))

    def _organizations(self) -> None:
        archers, chess = make_organization("Archers"), make_organization("Chess")
        self.archers = archers
        for day, organization in enumerate((archers, chess), 8):
            Organization.objects.filter(pk=organization.pk).update(created_at=at(1, day))
        for day, user, role, organization in (
            (10, self.alice, Role.OWNER, archers),
            (11, self.dora, Role.ADMIN, archers),
            (12, self.bob, Role.MEMBER, archers),
            (13, self.sue, Role.MEMBER, archers),
            (10, self.charlie, Role.OWNER, chess),
            (14, self.pat, Role.MEMBER, chess),
        ):
            membership = Membership(organization=organization, user=user, role=role)
            membership.save()
            Membership.objects.filter(pk=membership.pk).update(created_at=at(1, day))
            if user == self.alice:
                self._name("membership", membership)
        # Charlie sent an invitation before he left.
        older = make_organization_invitation(
            archers, self.charlie, email="older@example.org", role=Role.ADMIN
        )
        newer = make_organization_invitation(archers, self.dora, email="newer@example.org")
        for day, invitation in enumerate((older, newer), 20):
            OrganizationInvitation.objects.filter(pk=invitation.pk).update(
                created_at=at(1, day), expires_at=FOREVER
            )
        rows = {"archers": archers, "chess": chess, "older": older, "newer": newer}
        for name, row in rows.items():
            self._name(name, row)
        self.values["archers.key"] = str(archers.pk)

    def _invitations(self) -> None:
        pending = Invitation.objects.create(
            email="nina@example.org", name="Nina", locale="de", expires_at=FOREVER
        )
        self._name("pending", pending)

    def _factors(self) -> None:
        make_factors(self.alice)
        Totp.objects.update(confirmed_at=at(2, 3), last_used_at=at(2, 4))
        Passkey.objects.update(created_at=at(2, 5), last_used_at=at(2, 6))
        self._name("key", Passkey.objects.get())

    def _sessions(self) -> None:
        laptop, ended = make_session(self.alice), make_session(self.alice, days=-1)
        Session.objects.filter(pk=laptop.pk).update(
            user_agent=FIREFOX,
            ip="192.0.2.1",
            created_at=at(4, 1),
            authenticated_at=at(4, 1),
            factor_at=at(4, 1),
            last_seen_at=at(4, 2),
            expires_at=FOREVER,
        )
        acting = Session.objects.create(
            user=self.pat,
            impersonator=self.root,
            impersonation_reason="Asked by mail.",
            methods=[],
            expires_at=timezone.now() + dt.timedelta(minutes=30),
        )
        self._name("acting", acting)
        self._name("laptop", laptop)
        self._name("ended", ended)
        now = timezone.now()
        self.values["now"] = now.isoformat()
        for user in (self.alice, self.dora, self.bob, self.charlie, self.sam, self.root):
            session = make_session(user)
            Session.objects.filter(pk=session.pk).update(
                created_at=now, last_seen_at=now, expires_at=FOREVER
            )
            self._name(f"{user.username}.session", session)
            self.tokens[user.username] = issue_access_token(session)

    def _api_tokens(self) -> None:
        for name, days in (("Nightly report", 30), ("Too old", -1)):
            make_api_token(self.charlie, "users:read", "events:read", name=name, days=days)
        token, expired = ApiToken.objects.order_by("pk")
        ApiToken.objects.filter(pk=token.pk).update(
            created_at=at(5, 1), last_used_at=at(5, 2), rotated_at=at(5, 3), expires_at=FOREVER
        )
        self._name("report", token)
        self._name("expired", expired)

    def _bulk_actions(self) -> None:
        suspended = make_bulk_action(
            self.root,
            self.root,
            arguments={"reason": "Spam", "until": "2100-01-01T00:00:00+00:00"},
            selection={
                "filter": {
                    "conditions": {
                        "group": self.editors.pk,
                        "joined": {"since": "2024-01-01T00:00:00+00:00"},
                        "membership": {
                            "organization": str(self.archers.pk),
                            "role": Role.OWNER,
                        },
                    },
                    "any_of": [{"conditions": {"is_active": True}}],
                    "none_of": {"conditions": {"email_domain": "example.net"}},
                },
                "search": "archer",
            },
            total=4,
            done=2,
            unchanged=1,
        )
        # Of Sam, an administrator at that time.
        moved = make_bulk_action(
            self.sam,
            kind=BulkActionKind.ADD_TO_GROUP,
            arguments={"group_id": self.editors.pk},
            selection={"filter": {"conditions": {}}, "search": None},
            state=JobState.STOPPED,
            total=9,
        )
        for row in (suspended, moved):
            BulkAction.objects.filter(pk=row.pk).update(
                created_at=at(6, 1),
                started_at=at(6, 2),
                finished_at=at(6, 3),
                failure="lost 10 workers",
            )
        export = make_user_export(self.root, size=120)
        user_import = make_user_import(
            self.root, AccountErrorCode.EMAIL_TAKEN, unchanged=1, failed=1
        )
        ExternalId.objects.create(
            user=self.alice, source="crm", value="7", is_origin=True, last_import_id=user_import.pk
        )
        ends = FOREVER
        for job in (UserExport, UserImport):
            job.objects.update(
                created_at=at(6, 1),
                started_at=ends - dt.timedelta(days=1),
                finished_at=ends,
                failure="lost 10 workers",
            )
        self._name("exported", export)
        self._name("imported", user_import)
        self.values["exported.url"] = export.url
        self._name("suspended", suspended)
        self._name("moved", moved)

    def _webhooks(self) -> None:
        members = make_webhook(
            self.alice,
            self.archers,
            tags=[Tag.MEMBER_ROLE_CHANGED, Tag.MEMBER_LEFT],
            selection="{ tag }",
            disabled_at=at(8, 3),
            disabled_reason=WebhookDisabledReason.FAILING,
            failing_since=at(8, 2),
            previous_secret="x",
            previous_secret_expires_at=FOREVER,
        )
        service = make_webhook(self.root)
        delivery = make_delivery(members, Event.objects.get(tag=Tag.MEMBER_ROLE_CHANGED))
        Webhook.objects.update(created_at=at(8, 1))
        WebhookDelivery.objects.update(
            created_at=at(8, 4), attempted_at=at(8, 5), next_attempt_at=at(8, 6)
        )
        self._name("hook", members)
        self._name("service.hook", service)
        self._name("delivery", delivery)

    def _events(self) -> None:
        stranger = Actor(ip="198.51.100.9", user_agent="curl/8.0")
        alice = Actor(user_id=self.alice.pk, ip="192.0.2.1", user_agent=FIREFOX)
        root = Actor(user_id=self.root.pk, ip="192.0.2.99", user_agent="Safari")
        events = {
            "guessed": record(Tag.LOG_IN_REFUSED, actor=stranger, subject_id=self.alice.pk),
            "edited": record(
                Tag.PROFILE_CHANGED,
                actor=alice,
                subject_id=self.alice.pk,
                personal={"name": {"old": "Al", "new": "Alice Archer"}},
                fields=["name"],
            ),
            "changed": record(
                Tag.USER_CHANGED,
                actor=root,
                subject_id=self.alice.pk,
                personal={"reason": "Asked by mail."},
                is_staff={"old": True, "new": False},
            ),
            "erased": record(
                Tag.EMAIL_CHANGED,
                actor=alice,
                subject_id=self.alice.pk,
                personal={"old": "al@example.org"},
            ),
            "promoted": record(
                Tag.MEMBER_ROLE_CHANGED,
                actor=alice,
                subject_id=self.bob.pk,
                organization=self.archers.pk,
                personal={"reason": "Well aimed."},
                new="MEMBER",
            ),
            "counted": record(Tag.GROUP_CHANGED, actor=ANONYMOUS, subject_id=None),
        }
        EventDetails.objects.filter(event=events["erased"]).delete()
        for name, event in events.items():
            self._name(name, event)
            created_at = Event.objects.values_list("created_at", flat=True).get(pk=event.pk)
            self.values[f"{name}.at"] = created_at.isoformat()
        IntervalCounts.objects.create(
            interval="day",
            start=dt.date(2024, 5, 1),
            **dict(zip(COUNTS, (4, 3, 6, 5, 1, 9, 10, 11, 8, 2, 12, 13), strict=True)),
        )
        monday = dt.date(2024, 4, 29)
        IntervalCounts.objects.create(interval="week", start=monday, new_users=7)
        for weeks, users in ((0, 5), (2, 3)):
            CohortWeek.objects.create(
                cohort=monday, week=monday + dt.timedelta(weeks=weeks), users=users
            )
