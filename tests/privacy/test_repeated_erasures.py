"""Erasures are repeated after a back-up was restored."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.privacy.test_deletion import make_due, schedule
from tests.support.factories import PASSWORD, make_organization, make_user
from tests.support.signing_in import REFUSED, attempt, log_in
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.organizations.models import Role
from users.privacy.models import AccountDeletion
from users.privacy.services.erasure import erase_user

pytestmark = pytest.mark.django_db(transaction=True)


def erasures(*arguments: str) -> str:
    output = StringIO()
    call_command("erasures", *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "erasures"


def test_erased_users_are_listed() -> None:
    users = [make_user("alice"), make_user("bob"), make_user("charlie")]
    for user in users[:2]:
        schedule(user)
        make_due(user)
        erase_user(user.pk)

    lines = erasures("list").splitlines()
    assert [line.split()[0] for line in lines] == [str(user.pk) for user in users[:2]]
    assert erasures("list", "--since", "2999-01-01") == ""
    assert "alice" not in erasures("list")


def test_a_restored_user_is_erased_again(file: Path) -> None:
    """Whatever protects them otherwise: their sessions, their organisation, their role."""
    alice = make_user("alice", is_staff=True, is_superuser=True)
    make_organization("Acme", alice, role=Role.OWNER)
    log_in("alice")
    pending = make_user("bob")
    schedule(pending)
    file.write_text(f"{alice.pk} 2026-01-31T00:00:00+0000\n\n{pending.pk}\n", encoding="utf-8")

    assert erasures("repeat", str(file)).startswith("erased: 2, already erased: 0, ")

    for user in (alice, pending):
        user.refresh_from_db()
        assert user.erased_at is not None
        assert user.username not in {"alice", "bob"}
    assert not AccountDeletion.objects.exists()
    assert attempt("alice", PASSWORD).problems == REFUSED
    assert Event.objects.filter(tag=Tag.USER_ERASED).count() == 2

    assert erasures("repeat", str(file)).startswith("erased: 0, already erased: 2, ")
    assert Event.objects.filter(tag=Tag.USER_ERASED).count() == 2


def test_users_who_are_not_in_the_back_up_are_counted(file: Path) -> None:
    file.write_text("018f0000-0000-7000-8000-000000000000\n", encoding="utf-8")

    assert erasures("repeat", str(file)).endswith("created after the back-up: 1\n")


def test_a_file_that_is_no_list_erases_no_one(file: Path) -> None:
    alice = make_user("alice")
    file.write_text(f"{alice.pk}\nalice\n", encoding="utf-8")

    with pytest.raises(CommandError, match=r"^Line 2 does not begin with a user"):
        erasures("repeat", str(file))
    file.write_bytes(b"\xff")
    with pytest.raises(CommandError, match="cannot be read"):
        erasures("repeat", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        erasures("repeat", str(file.parent / "missing"))
    assert not User.objects.filter(erased_at__isnull=False).exists()
