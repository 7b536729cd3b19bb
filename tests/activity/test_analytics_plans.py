"""Rows that the analytics read when the tables are as large as they get.

They hold the counts of five years, with as many segments as are kept, whatever the number of users
and events.
"""

from typing import Any

import pytest
from django.db import connection

from tests.support.captured import bound_statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_token
from tests.support.plans import Plan, plan_of
from users.accounts.models import User
from users.activity.services.fold import MAX_SEGMENTS

DAYS = 5 * 365
FILL = """
    INSERT INTO activity_intervalcounts
        (interval, start, dimension, segment, log_ins, active_users, new_users)
    SELECT step, start::date, dimension, segment, 1000, 1000 - length(segment), 10
    FROM (VALUES ('day', '1 day'), ('week', '1 week'), ('month', '1 month')) AS steps (step, length)
    CROSS JOIN LATERAL generate_series(
        date_trunc(step, timestamp '2022-01-01'), timestamp '2026-12-31', length::interval
    ) AS start
    CROSS JOIN LATERAL (
        SELECT 'all', ''
        UNION ALL
        SELECT dimension, repeat('x', number)
        FROM unnest(ARRAY['domain', 'locale', 'client']) AS dimension
        CROSS JOIN generate_series(0, %s) AS number
    ) AS segments (dimension, segment)
"""
COHORTS = """
    INSERT INTO activity_cohortweek (cohort, week, users)
    SELECT cohort::date, (cohort + number * interval '1 week')::date, 100
    FROM generate_series(timestamp '2021-12-27', timestamp '2026-12-31', '1 week') AS cohort
    CROSS JOIN generate_series(0, 52) AS number
"""
ANALYTICS = """
    query ($from: Date!, $to: Date!, $interval: AnalyticsInterval! = DAY, $by: AnalyticsDimension) {
      analytics(from: $from, to: $to, interval: $interval, by: $by) { logIns segment }
    }
"""
RETENTION = "query ($from: Date!, $to: Date!) { retention(from: $from, to: $to) { activeUsers } }"


@pytest.fixture
def client(db: None, sam: User) -> GraphQLClient:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(FILL, [MAX_SEGMENTS])
        cursor.execute(COHORTS)
        cursor.execute("ANALYZE activity_intervalcounts, activity_cohortweek")
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    return GraphQLClient(make_token(sam))


def read(client: GraphQLClient, query: str, **variables: Any) -> Plan:
    """Return the reads of all statements but the actor's."""
    with bound_statements() as statements:
        assert client(query, **variables).codes == []
    found = Plan()
    for sql in statements[1:]:
        plan = plan_of(sql)
        found.rows += plan.rows
        found.indexes |= plan.indexes
    return found


@pytest.mark.slow
def test_analytics_read_the_intervals_of_the_range(client: GraphQLClient) -> None:
    """Totals add up from the beginning, so all earlier intervals are read as well."""
    year = {"from": "2026-01-01", "to": "2026-12-31"}
    quarter = {"from": "2026-10-01", "to": "2026-12-31"}
    for query, variables, limit in (
        (ANALYTICS, year, DAYS + 1),
        (ANALYTICS, quarter | {"interval": "WEEK"}, DAYS // 7 + 2),
        (ANALYTICS, year | {"interval": "MONTH"}, 60),
        # Once for the largest segments, and once for the counts.
        (ANALYTICS, quarter | {"by": "DOMAIN"}, 2 * 92 * (MAX_SEGMENTS + 1)),
        (ANALYTICS, year | {"interval": "MONTH", "by": "CLIENT"}, 2 * 12 * (MAX_SEGMENTS + 1)),
        (RETENTION, year, DAYS // 7 + 2 + 53 * 53),
    ):
        plan = read(client, query, **variables)
        assert plan.rows <= limit, (variables, plan)
        assert plan.indexes <= {"interval_counts_unique", "cohort_week_unique"}
        assert plan.indexes, variables
