"""The audit trail and the analytics."""

import datetime as dt
from collections.abc import Iterable
from typing import Annotated

import strawberry
from django.utils.translation import gettext as _

from core.errors import ArgumentInvalidError
from schema.activity.types import Event, EventConnection, EventFilter
from schema.context import Info
from schema.query import keyset_connection, query_field
from users.accounts.policy import may_list_events, may_read_analytics, require
from users.activity import models
from users.activity.tags import Tag
from users.scopes import Scope

MAX_DAYS = 366


@strawberry.type
class AnalyticsDay:
    """Daily counts, by UTC day."""

    date: dt.date = strawberry.field(description="Day, in UTC.")
    sign_ups: int = strawberry.field(description="Number of sign-ups requested, verified or not.")
    new_users: int = strawberry.field(description="Number of accounts created.")
    log_ins: int = strawberry.field(description="Number of sign-ins.")


@strawberry.type
class ActivityQuery:
    """Audit trail and analytics."""

    @keyset_connection(EventConnection, scope=Scope.EVENTS_READ)
    def events(
        self,
        info: Info,
        filter: Annotated[
            EventFilter | None,
            strawberry.argument(description="Conditions that the events must meet."),
        ] = None,
    ) -> Iterable[Event]:
        """Events of the audit trail, newest first.

        All for administrators; events of which they are the subject for others.
        """
        require(info.context.actor, may_list_events)
        events = models.Event.objects.findable_by(info.context.actor).order_by("-id")
        return filter.apply(events) if filter else events

    @query_field(scope=Scope.ANALYTICS_READ)
    def analytics(
        self,
        info: Info,
        from_: Annotated[
            dt.date, strawberry.argument(name="from", description="First day, in UTC.")
        ],
        to: Annotated[dt.date, strawberry.argument(description="Last day, inclusive.")],
    ) -> list[AnalyticsDay]:
        """Daily counts of a date range of at most 366 days. Staff only."""
        require(info.context.actor, may_read_analytics)
        days = (to - from_).days + 1
        if not 1 <= days <= MAX_DAYS:
            raise ArgumentInvalidError(
                _("`to` may be at most %(max)d days after `from`.") % {"max": MAX_DAYS - 1}
            )
        visible = models.DailyCount.objects.visible_to(info.context.actor)
        counts = visible.between(from_, to).by_day_and_tag()
        return [
            AnalyticsDay(
                date=day,
                sign_ups=counts.get((day, Tag.SIGN_UP_REQUESTED), 0),
                new_users=counts.get((day, Tag.USER_CREATED), 0),
                log_ins=counts.get((day, Tag.LOGGED_IN), 0),
            )
            for day in (from_ + dt.timedelta(days=offset) for offset in range(days))
        ]
