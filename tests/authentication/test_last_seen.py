"""The time when users were last seen, copied from their sessions."""

import datetime as dt

from django.utils import timezone

from tests.support.factories import make_session
from users.accounts.models import LastSeen, User
from users.authentication.models import Session
from users.authentication.tasks import record_last_seen

MINUTE = dt.timedelta(minutes=1)


def use(user: User, moment: dt.datetime) -> None:
    """Create a session that was last used at the given time."""
    Session.objects.filter(pk=make_session(user).pk).update(last_seen_at=moment)


def seen(user: User) -> dt.datetime | None:
    return LastSeen.objects.get(user=user).at


def test_latest_use_of_any_session_is_recorded(alice: User, bob: User, charlie: User) -> None:
    now = timezone.now()
    use(alice, now - 4 * MINUTE)
    use(alice, now - 2 * MINUTE)
    use(bob, now - 60 * MINUTE)
    record_last_seen()
    assert seen(alice) == now - 2 * MINUTE
    # One use is too old for the task's window; the other user has no session.
    assert (seen(bob), seen(charlie)) == (None, None)


def test_last_seen_never_decreases(alice: User) -> None:
    now = timezone.now()
    use(alice, now - 4 * MINUTE)
    LastSeen.objects.filter(user=alice).update(at=now)
    record_last_seen()
    assert seen(alice) == now
