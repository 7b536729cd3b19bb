"""Operations as requests, and responses as data or errors (GraphQL over HTTP)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

import httpx
from pydantic import BaseModel

from roster_client.errors import (
    ErrorDetails,
    FieldError,
    InputError,
    NetworkError,
    RosterError,
    error_of,
)

# A file in the variables of an operation.
File = bytes | BinaryIO

# Codes of responses that are not the API's, by their status.
GATEWAYS: Final = {
    408: "TIMEOUT",
    413: "BODY_TOO_LARGE",
    429: "RATE_LIMITED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "TIMEOUT",
}


@dataclass(frozen=True)
class Reply:
    """The data of a response, and its error of the most specific class."""

    data: Mapping[str, Any] | None
    error: RosterError | None

    @property
    def is_unexecuted(self) -> bool:
        """True if no part of the operation was executed; it can be sent again."""
        return all(value is None for value in (self.data or {}).values())


@dataclass(frozen=True)
class Operation:
    """A document with its variables, encoded once for all attempts to send it."""

    headers: Mapping[str, str]
    content: bytes | None = None
    data: Mapping[str, str] | None = None
    files: Mapping[str, tuple[str, bytes]] | None = None

    def arguments(self, access_token: str | None) -> dict[str, Any]:
        """Return the arguments of httpx for a request with the token."""
        headers = {"Accept": "application/graphql-response+json", **self.headers}
        if access_token is not None:
            headers["Authorization"] = f"Bearer {access_token}"
        body = {"content": self.content, "data": self.data, "files": self.files}
        return {"headers": headers, **body}


def encode(
    document: str, variables: Mapping[str, object] | None, max_age: int | None = None
) -> Operation:
    """Return an operation, without the variables that are None.

    Files make it a multipart request (https://github.com/jaydenseric/graphql-multipart-request-spec).
    """
    files: dict[str, File] = {}
    present = {name: value for name, value in (variables or {}).items() if value is not None}
    plain = _plain(present, "variables", files)
    operations = json.dumps({"query": document, "variables": plain})
    headers = {} if max_age is None else {"Cache-Control": f"max-age={max_age}"}
    if not files:
        return Operation({**headers, "Content-Type": "application/json"}, operations.encode())
    parts = dict(enumerate(files.items()))
    paths = {str(number): [path] for number, (path, _file) in parts.items()}
    return Operation(
        {**headers, "GraphQL-Require-Preflight": "1"},
        data={"operations": operations, "map": json.dumps(paths)},
        files={
            # A part without a file name would be a text.
            str(number): ("file", file if isinstance(file, bytes) else file.read())
            for number, (_path, file) in parts.items()
        },
    )


def _plain(value: object, path: str, files: dict[str, File]) -> object:
    """Return a variable as JSON has it, with null in place of files; collect these."""
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(value, Mapping):
        return {name: _plain(item, f"{path}.{name}", files) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}.{index}", files) for index, item in enumerate(value)]
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes) or hasattr(value, "read"):
        files[path] = cast("File", value)
        return None
    return value


def decode(response: httpx.Response) -> Reply:
    """Return the data and the error of a response."""
    try:
        body = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    data = body.get("data")
    data = data if isinstance(data, dict) else None
    errors = body.get("errors") or []
    request_id = response.headers.get("X-Request-ID")
    waiting = _seconds(response.headers.get("Retry-After"))
    if errors:
        first = errors[0]
        extensions = first.get("extensions") or {}
        details = ErrorDetails(extensions, errors, data, request_id)
        code = extensions.get("code", "INTERNAL_ERROR")
        retry_after = extensions.get("retryAfter", waiting)
        return Reply(data, error_of(code, first["message"], details, retry_after))
    details = ErrorDetails(data=data, request_id=request_id)
    if data is None:
        message = f"The response has the status {response.status_code} and is not the API's."
        gateway = GATEWAYS.get(response.status_code)
        error = error_of(gateway, message, details, waiting) if gateway else None
        return Reply(None, error or NetworkError(message, details))
    return Reply(data, _rejection(data, details))


def _rejection(data: Mapping[str, Any], details: ErrorDetails) -> InputError | None:
    """Return the error of the payloads' `errors`, None if there are none."""
    fields = [
        FieldError(
            error.get("code", "VALUE_INVALID"),
            tuple(error["field"]) if error.get("field") else None,
            error.get("message", ""),
        )
        for payload in data.values()
        if isinstance(payload, dict)
        for error in payload.get("errors") or ()
    ]
    return InputError(fields, details) if fields else None


def _seconds(header: str | None) -> float:
    """Return the seconds of a Retry-After; 0 if it is missing or a date."""
    return float(header) if header and header.isdecimal() else 0.0
