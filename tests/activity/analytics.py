"""Queries of the analytics."""

from collections.abc import Callable
from typing import Any

from tests.support.client import GraphQLClient
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

ANALYTICS = """
    query ($from: Date!, $to: Date!) {
      analytics(from: $from, to: $to) { date signUps newUsers logIns }
    }
"""
BY = """
    query ($from: Date!, $to: Date!, $interval: AnalyticsInterval! = DAY, $by: AnalyticsDimension) {
      analytics(from: $from, to: $to, interval: $interval, by: $by) {
        date segment logIns activeUsers newUsers totalUsers secondFactorUsers
      }
    }
"""
NOTHING = {"signUps": 0, "newUsers": 0, "logIns": 0}


def analytics(client: GraphQLClient, first: str, last: str) -> list[dict[str, Any]]:
    days: list[dict[str, Any]] = client(ANALYTICS, **{"from": first, "to": last}).data["analytics"]
    return days
