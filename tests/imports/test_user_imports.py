"""Imports create users with all that a file has."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.security.actor import Actor
from tests.support import second_factors
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_organization, make_user
from tests.support.imports import HASH, MARY, SECRET, counts, import_csv, import_json, skipped
from tests.support.signing_in import log_in
from users.accounts.models import Metadata, Profile, User
from users.activity.models import CohortWeek, Event, IntervalCounts
from users.activity.services.record import record
from users.activity.services.roll_up import roll_up_all
from users.activity.services.sealing import seal_all
from users.activity.tags import Tag
from users.authentication.factors.one_time_codes import unseal_secret
from users.authentication.models import Suspension, Totp
from users.imports.models import ExternalId
from users.jobs.states import JobState
from users.organizations.models import Membership, Organization


@pytest.fixture
def groups(db: None) -> dict[str, Group]:
    return {name: Group.objects.create(name=name) for name in ("Editors", "Authors")}


def test_all_fields_are_imported(root: User, groups: dict[str, Group]) -> None:
    acme = make_organization("Acme", root)
    user_import = import_csv(root, MARY, source="crm")
    assert (user_import.state, counts(user_import)) == (JobState.COMPLETED, (1, 0, 0))

    mary = User.objects.get(username="mary")
    created_at = dt.datetime(2020, 2, 29, 11, tzinfo=dt.UTC)
    assert (mary.email, mary.email_verified_at) == ("mary@example.org", created_at)
    assert (mary.name, mary.date_joined, mary.is_active) == ("Mary Major", created_at, True)
    assert (mary.is_staff, mary.is_superuser, mary.is_service, mary.is_public) == (False,) * 4
    profile = Profile.objects.get(user=mary)
    assert (profile.given_name, profile.family_name) == ("Mary", "Major")
    assert (profile.locale, profile.time_zone) == ("de", "Europe/Vienna")
    metadata = Metadata.objects.get(user=mary)
    assert (metadata.public, metadata.private) == ({"plan": "team"}, {"crm": 5})
    assert set(mary.groups.all()) == set(groups.values())
    roles = dict(Membership.objects.filter(user=mary).values_list("organization__name", "role"))
    assert roles == {"Acme": "admin", "New Corp": "owner"}
    totp = Totp.objects.get(user=mary, confirmed_at__isnull=False)
    assert unseal_secret(totp.secret, mary.pk) == SECRET
    assert mary.second_factors == ["totp"]
    assert ExternalId.objects.get(source="crm", value="17").user == mary
    assert mary.last_seen.at is None
    secondary = mary.email_addresses.get()
    assert (secondary.email, secondary.verified_at) == ("mm@example.org", created_at)

    new = Organization.objects.get(name="New Corp")
    events = Event.objects.exclude(tag__in=[Tag.USER_IMPORT_STARTED, Tag.USER_IMPORT_FINISHED])
    job = {"user_import": str(user_import.pk)}
    assert [
        (event.tag, event.actor_id, event.subject_id, event.data)
        for event in events.order_by("tag", "pk")
    ] == [
        *(
            (
                Tag.MEMBER_IMPORTED,
                root.pk,
                mary.pk,
                {"role": role, "organization": str(organization.pk)} | job,
            )
            for organization, role in ((acme, "admin"), (new, "owner"))
        ),
        (
            Tag.USER_IMPORTED,
            root.pk,
            mary.pk,
            {
                "groups": [groups["Editors"].pk, groups["Authors"].pk],
                "fields": ["second_factors"],
            }
            | job,
        ),
        (Tag.ORGANIZATION_CREATED, root.pk, mary.pk, {"organization": str(new.pk)} | job),
    ]


def test_imported_users_are_neither_new_nor_in_a_cohort(
    root: User, groups: dict[str, Group]
) -> None:
    del groups
    import_csv(root, MARY | {"organizations": ""}, {"email": "bob@example.org"})
    user = User.objects.get(email="bob@example.org")
    record(Tag.LOGGED_IN, actor=Actor(user_id=user.pk), subject_id=user.pk)
    seal_all()
    roll_up_all()

    counted = IntervalCounts.objects.get(interval="day", dimension="all")
    assert (counted.imported_users, counted.second_factor_users) == (2, 1)
    assert (counted.new_users, counted.sign_ups) == (0, 0)
    assert counted.active_users == 1
    assert not CohortWeek.objects.exists()


def test_imported_user_signs_in_with_the_old_password(root: User) -> None:
    import_csv(root, {"email": "mary@example.org", "password_hash": HASH})
    assert log_in("mary", "secret")["errors"] == []
    assert User.objects.get(username="mary").password.startswith("argon2$argon2id$")
    assert log_in("mary@example.org", "secret")["errors"] == []


def test_imported_app_is_the_second_factor(root: User) -> None:
    import_csv(root, {"email": "mary@example.org", "password_hash": HASH, "totp_secret": SECRET})
    answer = GraphQLClient()(second_factors.LOG_IN, login="mary", password="secret")
    token = answer.data["logIn"]["secondFactor"]["mfaToken"]
    code = second_factors.code_of(SECRET)
    answer = GraphQLClient()(second_factors.VERIFY, token=token, factor={"totp": code})
    assert answer.problems == []
    assert answer.data["verifySecondFactor"]["user"]["username"] == "mary"


def test_no_mails_are_sent(root: User) -> None:
    import_csv(root, MARY | {"groups": "", "organizations": ""})
    assert mail.outbox == []
    assert not OutboxMessage.objects.exists()


def test_minimal_row_gets_defaults(root: User) -> None:
    before = timezone.now()
    import_csv(root, {"email": "jane.doe@example.org"})
    jane = User.objects.get(email="jane.doe@example.org")
    assert (jane.username, jane.name, jane.email_verified_at) == ("jane.doe", "", None)
    assert before <= jane.date_joined <= timezone.now()
    assert not jane.has_usable_password()
    assert log_in("jane.doe", PASSWORD)["user"] is None


def test_derived_usernames_are_unique_and_valid(root: User) -> None:
    make_user("info2", email="other@example.org")
    emails = [
        *("info@example.org", "info@example.net", "x@example.org", "info2@example.org"),
        *("a.very.long.local.part.that.is.no.username@example.org", "-a.b-@example.org"),
        *("same@example.org", "same@example.net"),
    ]
    user_import = import_csv(root, *({"email": email} for email in emails))
    assert counts(user_import) == (len(emails), 0, 0)
    usernames = [User.objects.get(email=email).username for email in emails]
    assert len(set(usernames)) == len(emails)
    assert [name.partition("-")[0] for name in usernames[:4]] == ["info", "info", "x", "info2"]
    # Reserved, too short, or taken.
    assert all("-" in usernames[number] for number in (0, 1, 2, 3))
    assert usernames[4:7] == ["a.very.long.local.part.that.is", "a.b", "same"]


def test_usernames_that_are_reserved_here_are_not_derived(root: User, settings: Any) -> None:
    settings.RESERVED_USERNAMES = ["ceo"]
    import_csv(root, {"email": "ceo@example.org"})
    assert User.objects.get(email="ceo@example.org").username.startswith("ceo-")


def test_suspended_user_cannot_sign_in(root: User) -> None:
    import_csv(root, {"email": "mary@example.org", "password_hash": HASH, "suspended": "TRUE"})
    mary = User.objects.get(username="mary")
    assert not mary.is_active
    assert Suspension.objects.get(user=mary).until is None
    assert log_in("mary", "secret")["user"] is None


def test_json_lines_have_values_of_all_types(root: User, groups: dict[str, Group]) -> None:
    make_organization("Acme: East", root)
    make_organization("Acme", root)
    row = {
        "external_id": 17,
        "email": "mary@example.org",
        "email_verified": True,
        "given_name": "Mary",
        "family_name": None,
        "createdAt": 1_500_000_000_000,
        "public_metadata": {"plan": ["team"]},
        "groups": ["Editors"],
        "organizations": ["Acme: East:owner", {"name": "Acme", "role": "admin"}],
    }
    user_import = import_json(root, row)
    assert (skipped(user_import), counts(user_import)) == ([], (1, 0, 0))
    mary = User.objects.get(username="mary")
    assert (mary.name, mary.date_joined.year) == ("Mary", 2017)
    assert set(mary.memberships.values_list("role", flat=True)) == {"owner", "admin"}
    assert ExternalId.objects.get().value == "17"


def test_unknown_languages_are_the_default_one(root: User, settings: Any) -> None:
    rows = [{"email": f"{locale}@example.org", "locale": locale} for locale in ("xx", "klingon")]
    assert counts(import_json(root, *rows)) == (2, 0, 0)
    profiles = Profile.objects.exclude(user=root)
    assert set(profiles.values_list("locale", flat=True)) == {settings.LANGUAGE_CODE}


def test_mapping_names_the_columns(root: User) -> None:
    row = {"Mail": "mary@example.org", "Login": "mm1", "Plan": "ignored"}
    mapping = [("Mail", "email"), ("Login", "username")]
    assert counts(import_csv(root, row, mapping=mapping)) == (1, 0, 0)
    line = {"Mail": "jane@example.org", "Login": "mm2", "Plan": 5}
    assert counts(import_json(root, line, mapping=mapping)) == (1, 0, 0)
    assert set(User.objects.exclude(pk=root.pk).values_list("username", flat=True)) == {
        "mm1",
        "mm2",
    }


def test_dry_run_writes_no_users(root: User, groups: dict[str, Group]) -> None:
    rows = [MARY | {"organizations": "New Corp:owner"}, MARY | {"email": "no address"}]
    user_import = import_csv(root, *rows, is_dry_run=True)
    assert counts(user_import) == (1, 0, 1)
    assert skipped(user_import) == [(3, "EMAIL_INVALID", "email")]
    assert list(User.objects.all()) == [root]
    assert not Organization.objects.exists()
    assert not ExternalId.objects.exists()
    assert set(Event.objects.values_list("tag", flat=True)) == {
        Tag.USER_IMPORT_STARTED,
        Tag.USER_IMPORT_FINISHED,
    }
