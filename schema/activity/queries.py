"""The audit trail and the analytics."""

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, TypeAlias

import strawberry

from schema.activity.analytics import (
    AnalyticsDay,
    RetentionCohort,
    read_analytics,
    read_retention,
)
from schema.activity.types import Event, EventConnection, EventFilter
from schema.context import Info
from schema.query import keyset_connection, query_field
from users.accounts.policy import may_list_events, require
from users.activity import models
from users.activity.analytics import AnalyticsDimension, AnalyticsInterval
from users.activity.policy import may_read_analytics
from users.scopes import Scope

FirstDay: TypeAlias = Annotated[
    dt.date, strawberry.argument(name="from", description="First day, in UTC.")
]
LastDay: TypeAlias = Annotated[dt.date, strawberry.argument(description="Last day, inclusive.")]


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
        from_: FirstDay,
        to: LastDay,
        interval: Annotated[
            AnalyticsInterval,
            strawberry.argument(description="Length of the intervals to count."),
        ] = AnalyticsInterval.DAY,
        by: Annotated[
            AnalyticsDimension | None,
            strawberry.argument(
                description="Count separately by this property of users: its ten largest values in"
                " the range, and all others together."
            ),
        ] = None,
    ) -> list[AnalyticsDay]:
        """Counts of a date range, in intervals that contain its days. Staff only.

        At most 366 intervals, or 92 with `by`. Events are counted within two minutes.
        """
        require(info.context.actor, may_read_analytics)
        return read_analytics(info.context.actor, from_, to, interval=interval, dimension=by)

    @query_field(scope=Scope.ANALYTICS_READ)
    def retention(self, info: Info, from_: FirstDay, to: LastDay) -> list[RetentionCohort]:
        """Activity of the users created in each week, in later weeks. Staff only.

        At most 53 weeks.
        """
        require(info.context.actor, may_read_analytics)
        return read_retention(info.context.actor, from_, to)
