"""What is sent, and what responses of other servers mean."""

from __future__ import annotations

import datetime as dt
import json
from io import BytesIO

import httpx
import pytest

from roster_client import NetworkError, RateLimitedError, RosterError
from roster_client.models import ErrorCode, UpdateProfileInput, UserOrder
from roster_client.transport import decode, encode


def variables_of(**variables: object) -> object:
    content = encode("query { me { id } }", variables).content
    assert content
    return json.loads(content)["variables"]


def test_models_are_sent_as_the_api_names_their_fields() -> None:
    profile = UpdateProfileInput(given_name="Ada", website=None)

    assert variables_of(input=profile) == {"input": {"givenName": "Ada", "website": None}}


def test_variables_that_are_none_are_left_out() -> None:
    assert variables_of(first=10, after=None) == {"first": 10}


def test_times_are_sent_with_their_offset() -> None:
    since = dt.datetime(2026, 1, 31, 12, tzinfo=dt.timezone.utc)

    assert variables_of(since=since, days=[since.date()]) == {
        "since": "2026-01-31T12:00:00+00:00",
        "days": ["2026-01-31"],
    }


def test_files_are_parts_of_a_form() -> None:
    operation = encode("mutation", {"input": {"images": [b"one", BytesIO(b"two")]}})

    assert operation.data
    assert json.loads(operation.data["operations"])["variables"] == {
        "input": {"images": [None, None]}
    }
    assert json.loads(operation.data["map"]) == {
        "0": ["variables.input.images.0"],
        "1": ["variables.input.images.1"],
    }
    assert operation.files == {"0": ("file", b"one"), "1": ("file", b"two")}


@pytest.mark.parametrize(
    ("status", "code"), [(408, "TIMEOUT"), (413, "BODY_TOO_LARGE"), (502, "UNAVAILABLE")]
)
def test_responses_of_a_gateway_have_the_code_of_their_status(status: int, code: str) -> None:
    error = decode(httpx.Response(status, text="<h1>Error</h1>")).error

    assert type(error) is RosterError
    assert error.code == code


def test_gateway_that_limits_rates_says_how_long() -> None:
    error = decode(httpx.Response(429, headers={"Retry-After": "7"})).error

    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 7


@pytest.mark.parametrize("body", ["<h1>Welcome</h1>", "[]", "{}", '{"data": 1}'])
def test_other_responses_are_network_errors(body: str) -> None:
    assert isinstance(decode(httpx.Response(200, text=body)).error, NetworkError)


def test_unknown_values_of_an_enum_are_accepted() -> None:
    code = ErrorCode("ADDED_LATER")

    assert code == "ADDED_LATER"
    assert code.name == "ADDED_LATER"
    order = UserOrder.model_validate({"field": "ADDED_LATER", "direction": "DESC"})
    assert order.field == "ADDED_LATER"
