"""Generator of docs/reference.md: tables of errors, scopes and limits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from django.conf import settings

from core.enums import DescribedEnum
from schema.documents import cost, limits, weights
from schema.error_codes import ErrorCode
from schema.errors import RequestErrorCode
from schema.http.execution import ROOT_FIELDS
from schema.scopes import NoScope, RequiredScope
from users.scopes import Scope

TITLE: Final = """# Reference of the API

Generated from the code by `make reference` and checked by `make lint`. [The API](api.md) is the
guide.
"""
TRY_ANOTHER: Final = "Choose another value."
# Remedy by error code, from the client's view. Every code has an entry.
REMEDIES: Final[Mapping[str, str]] = {
    "EMAIL_INVALID": "Correct the address; the message names the problem.",
    "EMAIL_TAKEN": "Choose another address, or look up its account.",
    "EMAIL_PRIMARY": "Make another address the primary one first.",
    "TOO_MANY_EMAIL_ADDRESSES": "Remove an address first.",
    "USERNAME_INVALID": "Choose a username of 3 to 30 allowed characters; the message says which.",
    "EMAIL_DOMAIN_NOT_ALLOWED": "Use an address of an allowed domain.",
    "USERNAME_TAKEN": TRY_ANOTHER,
    "USERNAME_RESERVED": TRY_ANOTHER,
    "SIGN_UP_CLOSED": "Ask an administrator for an account.",
    "PASSWORD_TOO_WEAK": "Choose a longer password that is harder to guess.",
    "PASSWORD_WRONG": "Enter the password again, or reset it.",
    "PASSWORD_REQUIRED": "Send the password, or sign in to the account.",
    "LOCALE_UNSUPPORTED": "Choose a supported language.",
    "TIME_ZONE_UNKNOWN": "Choose a name from the IANA time zone database.",
    "VALUE_INVALID": "Correct the field as the message describes.",
    "IMAGE_INVALID": "Send a still JPEG, PNG or WebP image.",
    "IMAGE_TOO_LARGE": "Reduce the size of the image.",
    "IMAGE_TOO_COMPLEX": "Save the image as a JPEG, or reduce its size.",
    "UPLOADS_OFF": "Hide the upload from your users.",
    "METADATA_INVALID": "Correct the value at the JSON pointer in the message.",
    "CONFLICT": "Read the value again, and reapply the change.",
    "TOKEN_INVALID": "Start the flow again.",
    "TOKEN_EXPIRED": "Request another link.",
    "CREDENTIALS_INVALID": "Enter the credentials again, or reset the password.",
    "WEBHOOK_URL_INVALID": "Enter a public `https` URL without credentials.",
    "WEBHOOK_SELECTION_INVALID": "Correct the selection as the message says.",
    "TOO_MANY_WEBHOOKS": "Delete a webhook first.",
    "WEBHOOK_DISABLED": "Enable it by `updateWebhook` first.",
    "CODE_INVALID": "Enter the current code.",
    "TOTP_ACTIVE": "Remove the authenticator app first.",
    "PASSKEY_INVALID": "Request new options, and try again.",
    "PASSKEY_TAKEN": "Use the registered passkey.",
    "TOO_MANY_PASSKEYS": "Remove a passkey first.",
    "NOT_FOUND": "Check the id, and whether the object is visible to you.",
    "LAST_ADMINISTRATOR": "Make another user an administrator first.",
    "LAST_OWNER": "Make another member an owner first, or delete the organisation.",
    "DELETION_PENDING": "Cancel the deletion first.",
    "ALREADY_MEMBER": "None required: the membership exists.",
    "INVITATION_OF_ANOTHER": "Sign in as the owner of the invited address.",
    "TOO_MANY_INVITATIONS": "Wait until invitations are answered, or cancel some.",
    "TOO_MANY_TOKENS": "Revoke a token first.",
    "IMPERSONATION_REFUSED": "Choose a user who may be impersonated.",
    "SELECTION_CHANGED": "Review the selection, and send its new size as `expectedCount`.",
    "BULK_ACTION_RUNNING": "Wait for the running bulk action, or cancel it.",
    "FILE_INVALID": "Correct the line in the message, and send text in UTF-8.",
    "FILE_TOO_LARGE": "Split the file, or use `manage.py import_users`.",
    "COLUMNS_INVALID": "Correct the header, or send a `mapping`.",
    "SOURCE_REQUIRED": "Send the name of the former system as `source`.",
    "IMPORT_RUNNING": "Wait for the running import, or cancel it.",
    "ROW_MALFORMED": "Correct the row.",
    "ROW_REPEATED": "Keep one row for each user.",
    "ROLE_UNKNOWN": "Correct the role, or the organisation's name.",
    "EXTERNAL_ID_TAKEN": "Check the id and the `source`.",
    "PASSWORD_HASH_UNKNOWN": "Omit the hash, and have the user reset the password.",
    "PASSWORD_HASH_TOO_COSTLY": "Omit the hash, and have the user reset the password.",
    "USER_PROTECTED": "Change the user by the other mutations.",
    "USER_EXPORT_RUNNING": "Wait for the running export, or cancel it.",
    "OWN_ACCOUNT": "Exclude your own account from the selection.",
    "UNAUTHENTICATED": "Sign in, or refresh the tokens.",
    "FORBIDDEN": "None: the user lacks the right.",
    "INSUFFICIENT_SCOPE": "Use a token with the scope in `extensions.scope`, or sign in.",
    "REAUTHENTICATION_REQUIRED": "Call `reauthenticate`, and try again.",
    "SECOND_FACTOR_REQUIRED": "Set up a second factor.",
    "TOO_MANY_ATTEMPTS": "Wait for `extensions.retryAfter` seconds.",
    "SERVICE_BUSY": "Wait for `extensions.retryAfter` seconds.",
    "ARGUMENT_INVALID": "Correct the argument as the message describes.",
    "CURSOR_INVALID": "Restart at the first page.",
    "BAD_REQUEST": "Send a request that conforms to GraphQL over HTTP.",
    "BODY_TOO_LARGE": "Send a smaller body.",
    "CROSS_SITE_REQUEST": "Send the request from the service's own site, or with a token.",
    "DOCUMENT_NOT_FOUND": "Have an operator trust the manifest: `manage.py trust_documents`.",
    "DOCUMENT_NOT_TRUSTED": "Send a trusted document, use the console as staff, or an API token.",
    "PERSISTED_QUERY_NOT_FOUND": "Send the text with its SHA-256, as Apollo and urql do.",
    "PERSISTED_QUERY_NOT_SUPPORTED": "Send the text, as Apollo and urql do.",
    "PERSISTED_QUERY_MISMATCH": "Hash the text exactly as it is sent, in UTF-8.",
    "GRAPHQL_PARSE_FAILED": "Correct the syntax.",
    "GRAPHQL_VALIDATION_FAILED": "Correct the document to match the schema.",
    "GRAPHQL_VARIABLES_INVALID": "Correct the value at `extensions.variable` and `.field`.",
    "DOCUMENT_TOO_LARGE": "Shorten the document.",
    "VARIABLES_TOO_LARGE": "Send fewer objects in one request.",
    "TOKENS_EXCEEDED": "Shorten the document.",
    "DEPTH_EXCEEDED": "Select fewer nested levels.",
    "ALIASES_EXCEEDED": "Use fewer aliases, or split the request.",
    "ROOT_FIELDS_EXCEEDED": "Split the request.",
    "DIRECTIVES_EXCEEDED": "Use fewer directives.",
    "PAGE_SIZES_EXCEEDED": "Request smaller pages.",
    "FIELDS_EXCEEDED": "Select fewer fields.",
    "VALUES_EXCEEDED": "Select fewer fields, or request smaller pages.",
    "QUERY_TIMEOUT": "Request less. After a mutation, first query whether it was executed.",
    "RESPONSE_TOO_LARGE": "Request fewer objects or fields.",
    "RATE_LIMITED": "Wait for `extensions.retryAfter` seconds.",
    "UNAVAILABLE": "Wait for `extensions.retryAfter` seconds; query if a mutation was executed.",
    "INTERNAL_ERROR": "Report it with `extensions.requestId`.",
}
LIMITS: Final[Sequence[tuple[str, int, RequestErrorCode]]] = (
    (
        "bytes of the request body",
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        RequestErrorCode.BODY_TOO_LARGE,
    ),
    ("characters of the document", limits.MAX_CHARACTERS, RequestErrorCode.DOCUMENT_TOO_LARGE),
    ("objects in the variables", limits.MAX_OBJECTS, RequestErrorCode.VARIABLES_TOO_LARGE),
    ("tokens", limits.MAX_TOKENS, RequestErrorCode.TOKENS_EXCEEDED),
    ("depth", limits.MAX_DEPTH, RequestErrorCode.DEPTH_EXCEEDED),
    ("aliases", limits.MAX_ALIASES, RequestErrorCode.ALIASES_EXCEEDED),
    ("root fields", limits.MAX_ROOT_FIELDS, RequestErrorCode.ROOT_FIELDS_EXCEEDED),
    ("directives", limits.MAX_DIRECTIVES, RequestErrorCode.DIRECTIVES_EXCEEDED),
    (
        "fields, counting those of a fragment at each spread",
        weights.MAX_FIELDS,
        RequestErrorCode.FIELDS_EXCEEDED,
    ),
    (
        "rows: the product of nested page sizes",
        cost.MAX_ROWS,
        RequestErrorCode.PAGE_SIZES_EXCEEDED,
    ),
    (
        "values: rows times selected fields",
        cost.MAX_VALUES,
        RequestErrorCode.VALUES_EXCEEDED,
    ),
    ("values of introspection fields", weights.MAX_INTROSPECTION, RequestErrorCode.VALUES_EXCEEDED),
)


def reference() -> str:
    """Return the page's Markdown. Raises `KeyError` for an error code without a remedy."""
    return "\n".join(
        (
            TITLE,
            "## Error codes\n",
            *_table(("Code", "Meaning", "What to do"), _errors(ErrorCode)),
            "\nErrors about the request itself:\n",
            *_table(("Code", "Meaning", "What to do"), _errors(RequestErrorCode)),
            "\n## Scopes\n",
            *_table(("Scope", "Value", "Allows", "Root fields"), _scopes()),
            "\n## Root fields without a scope\n",
            *_table(("Access", "Root fields"), _unscoped()),
            "\n## Recent authentication\n",
            "Without it, these mutations fail with `REAUTHENTICATION_REQUIRED`:",
            _names(name for name, each in ROOT_FIELDS.access.items() if each.reauthenticate) + ".",
            "\n## Limits of a request\n",
            *_table(
                ("Limit", "At most", "Code"),
                ((what, f"{most:,}", f"`{code.value}`") for what, most, code in LIMITS),
            ),
            "",
        )
    )


def _errors(codes: type[DescribedEnum]) -> Iterable[Sequence[str]]:
    return ((f"`{code.value}`", code.description, REMEDIES[code.value]) for code in codes)


def _scopes() -> Iterable[Sequence[str]]:
    return (
        (f"`{scope.name}`", f"`{scope.value}`", scope.description, _root_fields(scope))
        for scope in Scope
    )


def _unscoped() -> Iterable[Sequence[str]]:
    return ((access.value, _root_fields(access)) for access in NoScope)


def _root_fields(scope: RequiredScope) -> str:
    return _names(name for name, each in ROOT_FIELDS.access.items() if each.scope is scope)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield _row(head)
    yield "|---" * len(head) + "|"
    yield from map(_row, rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
