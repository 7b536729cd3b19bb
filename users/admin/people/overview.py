"""What an administrator asks first about a user: status, sign-in, organisations, last events."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, JSONObject
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from core.security.actor import Actor
from users.accounts.models import EmailAddress, User
from users.accounts.permissions import held_permissions
from users.activity.models import Event
from users.activity.tags import Tag
from users.admin.base import exact_time, is_administrator
from users.admin.devices import device_name
from users.admin.event_words import tag_in_words
from users.authentication.models import Passkey, Session, Suspension, Totp
from users.organizations.models import Membership
from users.privacy.models import AccountDeletion

# The last ones; links lead to all.
SHOWN: Final = 5


def with_overview(users: QuerySet[User], actor: Actor) -> QuerySet[User]:
    """Add what the page of a user shows of other tables.

    Lists that have links of their own are left out. All in the statement that reads the user,
    because each takes less time than a round trip.
    """
    of_user = {"user": OuterRef("pk")}
    suspensions = Suspension.objects.visible_to(actor).filter(**of_user)
    about = JSONObject(reason="reason", since="created_at", until="until", by=_suspended_by(actor))
    deletions = AccountDeletion.objects.visible_to(actor).filter(**of_user)
    apps = Totp.objects.visible_to(actor).filter(**of_user)
    passkeys = Passkey.objects.visible_to(actor).filter(**of_user).in_order()
    used = JSONObject(name="name", used_at=Coalesce("last_used_at", "created_at"))
    addresses = EmailAddress.objects.filter(**of_user).order_by("email")
    return users.select_related("profile").annotate(
        shown_suspension=Subquery(suspensions.values_list(about)),
        is_deletion_scheduled=Exists(deletions),
        totp_confirmed_at=Subquery(apps.values("confirmed_at")),
        shown_passkeys=ArraySubquery(passkeys.values_list(used)),
        shown_addresses=ArraySubquery(addresses.values("email")),
        shown_permissions=held_permissions(),
    )


def _suspended_by(actor: Actor) -> Subquery:
    """Return who suspended the user of a suspension, for administrators."""
    events = Event.objects.visible_to(actor) if is_administrator(actor) else Event.objects.none()
    begun = events.filter(subject_id=OuterRef("user_id"), tag=Tag.USER_SUSPENDED)
    return Subquery(begun.order_by("-id").values("actor__username")[:1])


def overview_of(user: Any, actor: Actor) -> dict[str, Any]:
    """Return the context of `admin/user_overview.html`, of a user of `with_overview`."""
    suspension = user.shown_suspension
    is_deleted = user.is_deletion_scheduled
    return {
        "status": _status(user, is_suspended=suspension is not None, is_deleted=is_deleted),
        "is_active": user.is_active,
        "suspension": suspension and _about_suspension(user, suspension, actor),
        "deletion_url": reverse("admin:privacy_accountdeletion_change", args=[user.pk])
        if is_deleted
        else None,
        "factors": list(_factors(user)),
        "sessions": _sessions(user, actor),
        "sessions_url": reverse(
            "admin:authentication_session_changelist", query={"q": str(user.pk)}
        ),
        "memberships": Membership.objects.visible_to(actor)
        .filter(user=user)
        .select_related("organization")
        .order_by("-id")[:SHOWN],
        "events": _events(user, actor),
        "events_url": reverse("admin:activity_event_changelist", query={"q": str(user.pk)}),
    }


def _status(user: User, *, is_suspended: bool, is_deleted: bool) -> Text:
    if user.is_active:
        return _("Active")
    if is_deleted:
        return _("Scheduled for deletion")
    return _("Suspended") if is_suspended else _("Deactivated")


def _about_suspension(user: User, suspension: dict[str, Any], actor: Actor) -> dict[str, Any]:
    lift = reverse("admin:authentication_suspension_lift", args=[user.pk])
    return {
        "reason": suspension["reason"],
        "since": _time(suspension["since"]),
        "until": _time(suspension["until"]) if suspension["until"] else None,
        "by": suspension["by"],
        "url": reverse("admin:authentication_suspension_change", args=[user.pk]),
        "lift_url": lift if is_administrator(actor) else None,
    }


def _factors(user: Any) -> Iterator[dict[str, Any]]:
    if user.totp_confirmed_at:
        yield {"name": _("Authenticator app"), "time": exact_time(user.totp_confirmed_at)}
    for passkey in user.shown_passkeys:
        name = _("Passkey “%(name)s”") % {"name": passkey["name"]}
        yield {"name": name, "time": _time(passkey["used_at"])}


def _time(text: str) -> str:
    """Return a time of PostgreSQL's JSON as other times are shown."""
    return exact_time(dt.datetime.fromisoformat(text))


def _sessions(user: User, actor: Actor) -> list[dict[str, Any]]:
    found = Session.objects.visible_to(actor).filter(user=user).order_by("-id")
    return [
        {
            "url": reverse("admin:authentication_session_change", args=[session.pk]),
            "device": device_name(session.user_agent) or session.user_agent or _("Unknown device"),
            "ip": session.ip,
            "time": exact_time(session.last_seen_at),
        }
        for session in found.defer("cookie_digest")[:SHOWN]
    ]


def _events(user: User, actor: Actor) -> list[dict[str, Any]]:
    if not is_administrator(actor):
        return []
    events = Event.objects.visible_to(actor).filter(subject_id=user.pk)
    return [
        {
            "url": reverse("admin:activity_event_change", args=[event.pk]),
            "name": tag_in_words(event.tag),
            "reason": event.personal_values.get("reason"),
            "time": exact_time(event.created_at),
        }
        for event in events.select_related("details").order_by("-id")[:SHOWN]
    ]
