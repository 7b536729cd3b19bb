"""Replicas without a server: their URLs, and how old their data is."""

from functools import partial
from time import monotonic

import pytest

from core.configuration.env import BadSetting
from core.configuration.services import ServiceEnvironment
from core.database.replicas.positions import Position, Positions


def test_the_age_of_a_replica_is_that_of_the_last_position_that_it_has_replayed() -> None:
    positions = Positions()
    former, new = (partial(Position, mark=mark) for mark in ("former", "new"))
    assert positions.shown_at(former(5)) is None
    for at, position in ((1.0, 10), (2.0, 20), (3.0, 20), (4.0, 30)):
        positions.add(at, former(position))
    assert positions.shown_at(former(9)) is None
    assert positions.shown_at(former(20)) == 3.0
    assert positions.shown_at(former(31)) == 4.0
    # Of a new primary that lacks the last transactions.
    positions.add(5.0, new(15))
    assert positions.shown_at(new(20)) == 5.0
    # A replica that still follows the former one gets no younger.
    assert positions.shown_at(former(40)) == 4.0
    assert positions.shown_at(new(14)) is None


def test_queries_require_the_new_timeline_at_once() -> None:
    positions = Positions()
    assert positions.least(1.0) is None
    now = monotonic()
    positions.add(now - 2.0, Position(10, "former"))
    positions.add(now - 0.2, Position(20, "former"))
    positions.add(now - 0.1, Position(30, "former"))
    assert positions.least(1.0) == Position(20, "former")
    for number in (15, 25):
        positions.add(now, Position(number, "new"))
        assert positions.least(1.0) == Position(15, "new")


def test_urls_of_replicas_may_have_several_hosts() -> None:
    one, other = "postgresql://a:p@h1,h2/roster", "postgres://b@h3:5433/roster"
    for text in (f"{one},{other}", f"{one}, {other}", f"{one} {other}", f"{one}\n{other}\n"):
        found = ServiceEnvironment({"URLS": text}).databases("URLS")
        assert [(each["USER"], each["HOST"]) for each in found] == [("a", "h1,h2"), ("b", "h3")]
    assert ServiceEnvironment({}).databases("URLS") == []


@pytest.mark.parametrize("text", ["redis://h/0", "h1,postgresql://h2/roster", "postgresql://h1/"])
def test_other_urls_are_refused_without_their_password(text: str) -> None:
    with pytest.raises(BadSetting, match="URLS"):
        ServiceEnvironment({"URLS": text}).databases("URLS")
