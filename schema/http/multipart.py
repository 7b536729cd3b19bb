"""File uploads (github.com/jaydenseric/graphql-multipart-request-spec).

The form has the part `operations`, the usual JSON with null for each file; the part `map`, from the
name of each file's part to its paths in `operations`; and the files.

Forms are "simple" requests, which browsers send cross-site without a CORS preflight. A custom
header is therefore required: it forces a preflight, granted to allowed origins only (CSRF).
"""

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from schema.errors import RequestErrorCode
from schema.http.bad_requests import BadRequestError, body_too_large, from_json

MULTIPART: Final = "multipart/form-data"
PREFLIGHT_HEADERS: Final = ("GraphQL-Require-Preflight", "Apollo-Require-Preflight")
MAX_PATH: Final = 10


def multipart_parameters(request: HttpRequest) -> Any:
    """Return the `operations` of a form, with files inserted as `map` says.

    The whole body is held in memory. Raises `BadRequestError`.
    """
    if not any(request.headers.get(name) for name in PREFLIGHT_HEADERS):
        raise BadRequestError(
            f"Send the header {PREFLIGHT_HEADERS[0]} with a multipart request.",
            status=403,
            code=RequestErrorCode.CROSS_SITE_REQUEST,
        )
    fields, files = _parts(request)
    for name in ("operations", "map"):
        if name not in fields:
            raise BadRequestError(f"The part `{name}` is missing.")
    operations = from_json(fields["operations"].encode(), "The part `operations`")
    places = from_json(fields["map"].encode(), "The part `map`")
    if not isinstance(operations, dict):
        raise BadRequestError("The part `operations` must be a JSON object.")
    if not isinstance(places, dict):
        raise BadRequestError("The part `map` must be a JSON object.")
    for name, paths in places.items():
        if name not in files:
            raise BadRequestError(f"The part `map` names a file that is missing: {name!r}.")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise BadRequestError("The part `map` must have a list of paths for each file.")
        for path in paths:
            _insert(operations, path, files[name])
    return operations


def _parts(request: HttpRequest) -> tuple[Any, Any]:
    """Return the fields and the files of the form."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
        raise body_too_large(settings.FILE_UPLOAD_MAX_MEMORY_SIZE)
    request.upload_handlers = [MemoryFileUploadHandler(request)]
    try:
        return request.POST, request.FILES
    except RequestDataTooBig:
        raise body_too_large(settings.GRAPHQL_MAX_BODY_BYTES) from None
    except SuspiciousOperation:
        raise BadRequestError("The form has too many parts.") from None
    except (MultiPartParserError, UnreadablePostError, ValueError, LookupError):
        raise BadRequestError("The body is not a valid multipart form.") from None


def _insert(operations: dict[str, Any], path: str, file: InMemoryUploadedFile) -> None:
    """Insert a file at a path that holds null."""
    *parents, last = path.split(".")
    place: Any = operations
    if len(parents) in range(1, MAX_PATH) and parents[0] == "variables":
        for step in parents:
            place = _get_item(place, step)
        if _get_item(place, last) is None and _has_item(place, last):
            place[int(last) if isinstance(place, list) else last] = file
            return
    raise BadRequestError(
        f"The part `map` has a path that holds no null in the variables: {path[:100]!r}."
    )


def _get_item(place: Any, step: str) -> Any:
    if not _has_item(place, step):
        return None
    return place[int(step) if isinstance(place, list) else step]


def _has_item(place: Any, step: str) -> bool:
    if isinstance(place, list):
        return (
            step.isascii() and step.isdigit() and len(step) <= MAX_PATH and int(step) < len(place)
        )
    return isinstance(place, dict) and step in place
