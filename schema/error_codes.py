"""The schema's enum `ErrorCode`, which joins the codes of all apps."""

from typing import TYPE_CHECKING

from core.enums import DescribedEnum
from schema.enums import describe_enum
from users.bulk.errors import ERROR_CODES
from users.exports.errors import ExportErrorCode
from users.imports.errors import ImportErrorCode
from users.webhooks.errors import WebhookErrorCode

if TYPE_CHECKING:
    # mypy cannot analyse an enum that is created at run time.
    from core.errors import ErrorCode
else:
    ErrorCode = DescribedEnum(
        "ErrorCode",
        {
            code.name: (code.value, code.description)
            for codes in (*ERROR_CODES, ExportErrorCode, ImportErrorCode, WebhookErrorCode)
            for code in codes
        },
        module=__name__,
    )

__all__ = ["ErrorCode"]

ErrorCode.__doc__ = "Reason why a request or an input was rejected. Codes are stable."
describe_enum(ErrorCode)
