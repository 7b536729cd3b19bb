"""Exports of users in the admin: started from the list, watched, downloaded."""

import html
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.admin.support import (
    change_url,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    shown,
    sign_in,
)
from tests.support.factories import make_bulk_action, make_user_export
from tests.support.second_factors import age_authentication
from tests.support.user_exports import remove_files, run_turns
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.exports.columns import UserColumn
from users.exports.models import UserExport
from users.jobs.states import JobState

pytestmark = pytest.mark.django_db

URL = "/admin/accounts/user/export/"


@pytest.fixture(autouse=True)
def _remove_files() -> Iterator[None]:
    yield
    remove_files()


def begin(client: Client, **parameters: str) -> Any:
    values = {"format": "csv", "columns": ["username", "email"]}
    return client.post(f"{URL}?{urlencode(parameters)}", values)


def download_url(export: UserExport) -> str:
    return f"/admin/exports/userexport/{export.pk}/download/"


def test_list_is_exported_and_downloaded(client: Client) -> None:
    for username in ("mary", "omar"):
        make_person(username)
    rosa = make_administrator()
    sign_in(client, rosa)
    listed = client.get(list_url(User), {"q": "mary"})
    path = listed.context["actions_list"][-1]["path"]
    form = client.get(path).content.decode()
    assert "Selected people: 1." in form
    assert form.count('name="columns"') == len(UserColumn)

    response = begin(client, q="mary")
    export = UserExport.objects.get()
    assert (response.status_code, response["Location"]) == (302, change_url(export))
    assert client.get(download_url(export)).status_code == 403
    run_turns()

    export.refresh_from_db()
    assert download_url(export) in client.get(change_url(export)).content.decode()
    answer = client.get(download_url(export))
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert content == b"username,email,quoted_formulas\r\nmary,mary@example.org,1\r\n"
    assert answer["Content-Length"] == str(len(content))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    name = f"users-{export.finished_at:%Y-%m-%d}.csv"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "no-store" in answer["Cache-Control"]
    event = Event.objects.get(tag=Tag.USER_EXPORT_DOWNLOADED)
    assert (event.actor_id, event.data) == (rosa.pk, {"user_export": str(export.pk)})


def test_expired_files_are_not_downloaded(client: Client) -> None:
    rosa = make_administrator()
    export = make_user_export(rosa, finished_at="2026-01-01T00:00:00Z")
    sign_in(client, rosa)
    assert client.get(download_url(export)).status_code == 403
    assert not Event.objects.filter(tag=Tag.USER_EXPORT_DOWNLOADED).exists()


def test_downloads_and_starts_require_recent_authentication(client: Client) -> None:
    rosa = make_administrator()
    export = make_user_export(rosa)
    sign_in(client, rosa)
    age_authentication()
    for url in (download_url(export), URL):
        assert client.get(url)["Location"].startswith("/admin/login/?again=1")
    assert not Event.objects.filter(tag=Tag.USER_EXPORT_DOWNLOADED).exists()


def test_staff_neither_export_nor_download(client: Client) -> None:
    export = make_user_export(make_administrator())
    sign_in(client, make_staff())
    assert URL not in client.get(list_url(User)).content.decode()
    assert client.get(URL).status_code == 403
    assert begin(client).status_code == 403
    for url in (change_url(export), download_url(export)):
        assert client.get(url).status_code == 403
    assert UserExport.objects.count() == 1


@pytest.mark.parametrize(
    ("selection", "about"),
    [
        ({"filter": {"conditions": {}}, "search": None}, "all people"),
        (
            {"filter": {"conditions": {"is_active": False}}, "search": "mary"},
            "“mary”, active: no",
        ),
        ({"filter": {"conditions": {"ids": ["1", "2"]}}, "search": None}, "selected people: 2"),
        (
            {"filter": {"conditions": {"joined": {"since": "2026-01-01"}}}, "search": None},
            "joined: 2026-01-01 – …",
        ),
        (
            {"filter": {"conditions": {}, "any_of": [{"conditions": {}}]}, "search": None},
            "any_of",
        ),
        (None, "Removed: the selection named a person"),
    ],
)
def test_lists_of_jobs_show_whom_they_are_about(
    client: Client, selection: dict[str, Any] | None, about: str
) -> None:
    rosa = make_administrator()
    jobs = (
        make_user_export(rosa, selection=selection),
        make_bulk_action(rosa, selection=selection),
    )
    sign_in(client, rosa)
    for job in jobs:
        for url in (list_url(type(job)), change_url(job)):
            assert about in html.unescape(shown(client.get(url)))


# Progress --------------------------------------------------------------------------------


def test_progress_bar_polls_while_the_job_is_live(client: Client) -> None:
    rosa = make_administrator()
    sign_in(client, rosa)
    live = {"state": JobState.RUNNING, "finished_at": None, "total": 8}
    export, action = make_user_export(rosa, **live), make_bulk_action(rosa, done=2, **live)
    for job, percent in ((export, 50), (action, 25)):
        polled = f"{change_url(job).removesuffix('change/')}progress/"
        for url in (change_url(job), list_url(type(job)), polled):
            response = client.get(url)
            page = response.content.decode()
            assert f'hx-get="{polled}"' in page
            assert f'max="100" value="{percent}"' in page
            assert "HX-Refresh" not in response
        type(job).objects.update(state=JobState.COMPLETED, finished_at=job.started_at)
        response = client.get(polled)
        assert response["HX-Refresh"] == "true"
        assert "hx-get" not in response.content.decode()


def test_only_administrators_read_the_progress(client: Client) -> None:
    export = make_user_export(make_administrator())
    polled = f"/admin/exports/userexport/{export.pk}/progress/"
    assert client.get(polled).status_code == 302
    sign_in(client, make_staff())
    assert client.get(polled).status_code == 404
    missing = "/admin/exports/userexport/00000000-0000-0000-0000-000000000000/progress/"
    assert client.get(missing).status_code == 404
