"""Filtered pages have the same rows for every access path."""

from collections.abc import Callable
from itertools import product

import pytest
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q

from core.security.actor import Actor
from engine.relay.keyset import Keyset
from engine.sql import filtered_page
from engine.sql.unindexed_filter import UnindexedFilter
from tests.support.factories import make_user
from tests.support.plans import explain
from users.accounts.models import Profile, User, UserQuerySet
from users.accounts.orders import UserOrderField

PEOPLE = 24
SMALL, ENOUGH = 3, filtered_page.PARTS * (PEOPLE + 1)
STAFF = Actor(is_staff=True)


def any_of(*conditions: Q) -> Q:
    return Q(*(UnindexedFilter(each) for each in conditions), _connector=Q.OR)


def with_locale(locale: str) -> Q:
    return Q(Exists(Profile.objects.filter(user=OuterRef("pk"), locale=locale)))


def in_group(name: str) -> Q:
    return Q(Exists(Group.objects.filter(user=OuterRef("pk"), name=name)))


INACTIVE = Q(is_active=False)
CONDITIONS: dict[str, Callable[[UserQuerySet], UserQuerySet]] = {
    "none": lambda people: people.matching(with_locale("fr")),
    "one": lambda people: people.matching(Q(username="p07")),
    "a few": lambda people: people.matching(INACTIVE),
    "many": lambda people: people.matching(with_locale("de")),
    "all": lambda people: people.matching(Q(is_superuser=False)),
    "two at once": lambda people: people.matching(INACTIVE).matching(with_locale("de")),
    "either": lambda people: people.matching(any_of(INACTIVE, in_group("Five"))),
    "either, and overlapping": lambda people: people.matching(
        any_of(INACTIVE, with_locale("de"), in_group("Five"))
    ),
    "either, or neither": lambda people: people.matching(
        any_of(any_of(INACTIVE, in_group("Five")), Q(~any_of(INACTIVE, with_locale("en"))))
    ),
    "either and either": lambda people: people.matching(
        any_of(INACTIVE, in_group("Five")) & any_of(with_locale("de"), Q(is_staff=True))
    ),
    "more combinations than are found apart": lambda people: people.matching(
        Q(*(any_of(INACTIVE, Q(is_staff=True), in_group("Five")) for _ in range(3)))
    ),
    "words": lambda people: people.matching_words(["Five"], STAFF),
    "what others see": lambda people: people.matching_words(
        ["p0"], Actor(user_id=User.objects.get(username="p07").pk)
    ),
}


@pytest.fixture(params=[1, SMALL, PEOPLE, ENOUGH])
def look_ahead(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vary the number of rows that are scanned in order before sorting."""
    monkeypatch.setattr(filtered_page, "LOOK_AHEAD", request.param)


def build_people() -> None:
    five = Group.objects.create(name="Five")
    for number in range(PEOPLE):
        user = make_user(
            f"p{number:02}",
            # In a different order than usernames, with duplicates.
            name=f"Name {number * 7 % PEOPLE // 2}",
            is_active=number % 6 != 0,
            is_staff=number % 11 == 0,
            is_public=number % 2 == 0,
            locale="de" if number % 3 else "en",
        )
        if number % 5 == 0:
            five.user_set.add(user)
            User.objects.filter(pk=user.pk).update(name=f"Five {number}")


@pytest.mark.rows(build=build_people)
@pytest.mark.django_db
@pytest.mark.usefixtures("look_ahead")
@pytest.mark.parametrize("condition", CONDITIONS)
def test_pages_equal_those_of_an_ordinary_query(condition: str) -> None:
    some = CONDITIONS[condition](User.objects.all())
    for order, descending in product(UserOrderField, (False, True)):
        rows = some.in_order(order, descending=descending)
        keyset = Keyset.of(rows)
        rows = rows.annotate(**keyset.positions())
        expected = list(rows)
        for limit in (1, SMALL, PEOPLE + 1):
            assert list(filtered_page.first_rows(rows, limit)) == expected[:limit]
        for index, person in enumerate(expected[::5]):
            position = keyset.position_of(person)
            assert position is not None
            behind = rows.filter(keyset.behind(position))
            assert (
                list(filtered_page.first_rows(behind, SMALL)) == expected[5 * index + 1 :][:SMALL]
            )


@pytest.mark.usefixtures("many_people")
def test_matches_are_sorted_unless_they_are_more_than_a_few_in_a_hundred(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filtered_page, "LOOK_AHEAD", 6)
    last = list(User.objects.order_by("-username").values_list("email", flat=True)[:50])
    people = User.objects.matching(Q(email__in=last)).order_by("username")

    found = filtered_page.first_rows(people, 1)

    assert [user.email for user in found] == last[-1:]
    (few,) = (node for node in explain(found) if node.get("Subplan Name") == "CTE few")
    assert few["Actual Rows"] == len(last)
