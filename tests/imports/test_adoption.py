"""`manage.py adopt`: users of a real Django project sign in as before."""

import csv
import datetime as dt
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from tests.imports.test_moving_in import example_of
from tests.support.django_projects import DjangoProject, django_project
from tests.support.factories import PASSWORD, make_user, make_user_import
from tests.support.imports import HASH, actor_of, import_json
from tests.support.signing_in import log_in
from users.accounts.models import Profile, User
from users.imports.messages import row_message
from users.imports.models import ExternalId, UserImport
from users.imports.services.django_project import open_project
from users.imports.services.report import skipped_rows_csv
from users.jobs.states import JobState

USERS = """
from allauth_like.models import EmailAddress, SocialAccount
from django.contrib.auth.hashers import make_password
import datetime as dt
joined = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
editors = Group.objects.create(name="Editors")
for number, algorithm in enumerate(
    ("pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "scrypt")
):
    user = User.objects.create(
        username=f"user{number}", email=f"User{number}@example.org", first_name="Given",
        last_name=f"Family {number}", date_joined=joined,
        password=make_password(f"old password {number}", hasher=algorithm),
    )
    user.groups.add(editors)
    EmailAddress.objects.create(user=user, email=user.email, verified=number > 0, primary=True)
EmailAddress.objects.create(user=user, email="second@example.org", verified=True)
EmailAddress.objects.create(user=user, email="third@example.org")
SocialAccount.objects.create(user=user, provider="google", uid="1")
User.objects.create_superuser("root2", "root2@example.org", "old password")
User.objects.create_user("mary@example.org", "mary@example.org", None)
User.objects.create_user("gone", "gone@example.org", "old password", is_active=False)
User.objects.create_user("nomail", "", "old password")
User.objects.create_user("twice", "USER0@example.org", "old password")
User.objects.create_user("weak", "weak@example.org")
User.objects.filter(username="weak").update(password="md5$salt$67a1e09bb1f83f5007dc119c14d663aa")
"""


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[DjangoProject]:
    path: Path = tmp_path_factory.mktemp("shop")
    with django_db_blocker.unblock(), django_project(path) as project:
        project.run(USERS)
        yield project


def adopt(project: DjangoProject, **options: Any) -> list[str]:
    """Run the command; return the lines of its report."""
    out = io.StringIO()
    call_command("adopt", project.url, stdout=out, **{"administrator": "root"} | options)
    return out.getvalue().splitlines()


def id_of(project: DjangoProject, username: str) -> str:
    with psycopg.connect(project.url) as connection:
        found = connection.execute("SELECT id FROM auth_user WHERE username = %s", [username])
        return str((found.fetchone() or ("",))[0])


@pytest.mark.slow
def test_users_move_in_until_the_day_of_the_switch(project: DjangoProject, root: User) -> None:
    nomail, twice, weak = (id_of(project, name) for name in ("nomail", "twice", "weak"))
    remarks = [
        f"skipped: user {key}, {code} {name}: {row_message(code, name)}"
        for key, code, name in (
            (nomail, "EMAIL_INVALID", "email"),
            (twice, "ROW_REPEATED", "email"),
            (weak, "PASSWORD_HASH_UNKNOWN", "password_hash"),
        )
    ]
    standing = [
        "staff and superusers, whose roles are not taken: 1",
        "social accounts, not taken: 1 of google",
    ]
    derived = "usernames derived from addresses: 1: mary@example.org → mary"
    assert adopt(project, dry_run=True) == [
        "Dry run completed: 8 to create, 0 to change, 0 unchanged, 3 skipped.",
        "new: 8",
        *remarks,
        "usernames derived from addresses: 1: mary@example.org",
        "new group, without permissions: Editors",
        *standing,
    ]
    assert list(User.objects.all()) == [root]
    assert not Group.objects.exists()

    assert adopt(project) == [
        "Import completed: 8 created, 0 changed, 0 unchanged, 3 skipped.",
        "new: 8",
        *remarks,
        derived,
        "new group, without permissions: Editors",
        *standing,
    ]
    # The administrator downloads the ids in the project.
    report = skipped_rows_csv(UserImport.objects.latest("pk"), actor=actor_of(root))
    downloaded = [row["external_id"] for row in csv.DictReader(io.StringIO(report))]
    assert downloaded == [nomail, twice, weak]
    for number in range(5):
        user = User.objects.get(username=f"user{number}")
        assert log_in(f"user{number}", f"old password {number}")["errors"] == []
        assert (user.email, user.name) == (f"user{number}@example.org", f"Given Family {number}")
        assert user.date_joined == dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        assert (user.email_verified_at is not None) == (number > 0)
        assert user.groups.get().name == "Editors"
    assert user.email_addresses.get().email == "second@example.org"
    assert not User.objects.get(username="root2").is_superuser
    assert not User.objects.get(username="gone").is_active
    assert User.objects.get(email="mary@example.org").username == "mary"

    # Nothing has changed.
    assert adopt(project) == [
        "Import completed: 0 created, 0 changed, 8 unchanged, 3 skipped.",
        *remarks,
        derived,
        *standing,
    ]

    # Only what has changed is taken, and what users have changed here stays.
    Profile.objects.filter(user__username="user2").update(locale="de")
    project.run(
        """
User.objects.filter(username="user1").update(last_name="Changed")
user = User.objects.get(username="user2")
user.set_password("new password")
user.save()
User.objects.filter(username="gone").update(is_active=True)
User.objects.get(username="user3").delete()
User.objects.get(username="user4").groups.clear()
User.objects.create_user("late", "late@example.org", "late password")
"""
    )
    gone = ExternalId.objects.get(user__username="user3").value
    assert adopt(project) == [
        "Import completed: 1 created, 3 changed, 4 unchanged, 3 skipped.",
        "new: 1",
        "in groups here, but not in the project: 1: user4 (Editors)",
        "changed: family_name of 1: user1",
        "changed: name of 1: user1",
        "changed: password of 1: user2",
        "changed: suspended of 1: gone",
        *remarks,
        f"no longer in the project: user {gone}, here user3",
        derived,
        *standing,
    ]
    assert log_in("user2", "new password")["errors"] == []
    assert log_in("late", "late password")["errors"] == []
    assert Profile.objects.get(user__username="user2").locale == "de"
    assert User.objects.get(username="user1").name == "Given Changed"
    assert User.objects.get(username="user3").is_active


@pytest.mark.slow
def test_accounts_of_the_same_address_are_reported(project: DjangoProject, root: User) -> None:
    """One that another import has created, and one that its user has a password for."""
    project.execute("DELETE FROM allauth_like_person")
    for name in ("new", "mary", "alice"):
        project.execute(
            "INSERT INTO allauth_like_person (password, email, name) VALUES (%s, %s, %s)",
            HASH,
            f"{name.upper()}@example.org",
            name,
        )
    import_json(root, {"external_id": "7", "email": "mary@example.org"}, source="crm")
    make_user("alice", email="alice@example.org")
    compared = [
        "new: 1",
        "match existing accounts by address: 2: mary, alice",
        "password not taken: 1: alice",
    ]
    options = {"user_table": "allauth_like_person", "source": "people"}
    assert adopt(project, dry_run=True, **options)[1:4] == compared
    assert adopt(project, **options)[1:4] == compared
    assert log_in("mary", "secret")["errors"] == []
    assert log_in("alice", PASSWORD)["errors"] == []


@pytest.mark.slow
def test_documented_recipe_writes_a_file(
    project: DjangoProject, root: User, tmp_path: Path
) -> None:
    """Of databases that are not read."""
    project.run(
        f"import os; os.chdir({str(tmp_path)!r})\n{example_of('Other databases', 'python')}"
    )
    path, out = tmp_path / "users.jsonl", io.StringIO()
    arguments = ("--as=root", "--source=shop", "--mode=upsert")
    call_command("import_users", str(path), *arguments, stdout=out)
    assert ExternalId.objects.filter(value=id_of(project, "user0")).exists()
    assert log_in("user0", "old password 0")["errors"] == []


@pytest.mark.slow
def test_table_of_another_user_model(project: DjangoProject, root: User) -> None:
    project.execute("DELETE FROM allauth_like_person")
    project.execute(
        "INSERT INTO allauth_like_person (password, email, name) VALUES ('!', %s, 'Mary')",
        "mary@example.org",
    )
    report = adopt(project, user_table="allauth_like_person", source="people")
    assert report[0] == "Import completed: 1 created, 0 changed, 0 unchanged, 0 skipped."
    assert User.objects.get(email="mary@example.org").name == "Mary"
    with pytest.raises(CommandError, match=r"auth_group is no table of users.*allauth_like_person"):
        adopt(project, user_table="auth_group")
    with pytest.raises(CommandError, match="nowhere is no table"):
        adopt(project, user_table="nowhere")


@pytest.mark.slow
def test_project_is_only_read(project: DjangoProject) -> None:
    with open_project(project.url) as opened:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            opened.connection.execute("DELETE FROM auth_user")
        opened.connection.rollback()


@pytest.mark.slow
def test_users_are_read_in_batches(
    project: DjangoProject, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("users.imports.services.django_project.BATCH", 2)
    with open_project(project.url) as opened:
        count = opened.connection.execute("SELECT count(*) FROM auth_user").fetchone()
        assert (len(list(opened.users())),) == count


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgres://u:geheim@localhost:1/x", "refused"),
        ("postgres://u:ge@heim@localhost/x", "Percent-encode"),
        ("geheim", "malformed"),
        ("sqlite:///geheim.db", "Only PostgreSQL is read"),
        ("mysql://u:geheim@localhost/x", "Only PostgreSQL is read"),
        ("postgres://u:geheim@localhost:port/x", "failed to resolve"),
        ("", "set ADOPT_DATABASE_URL"),
    ],
)
def test_password_of_the_database_is_not_disclosed(
    root: User,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    problem: str,
) -> None:
    monkeypatch.delenv("ADOPT_DATABASE_URL", raising=False)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(CommandError) as caught:
        call_command("adopt", url, administrator="root")
    assert problem in str(caught.value)
    for text in (str(caught.value), caplog.text):
        assert "heim" not in text
    assert not UserImport.objects.exists()


@pytest.mark.slow
def test_staff_do_not_adopt(project: DjangoProject, sam: User) -> None:
    with pytest.raises(CommandError, match="sam is not an administrator"):
        adopt(project, administrator="sam")
    assert not Group.objects.exists()
    assert not UserImport.objects.exists()


@pytest.mark.slow
def test_refused_adoption_creates_no_groups(project: DjangoProject, root: User) -> None:
    with pytest.raises(CommandError, match="50"):
        adopt(project, source="x" * 51)
    running = make_user_import(root, state=JobState.RUNNING, finished_at=None)
    with pytest.raises(CommandError, match="Wait for your other import"):
        adopt(project)
    assert not Group.objects.exists()
    assert list(UserImport.objects.all()) == [running]


def test_unknown_users_do_not_adopt(sam: User) -> None:
    with pytest.raises(CommandError, match="no such active user"):
        call_command("adopt", "postgres://localhost/x", administrator="unknown")
