"""The enum `ErrorCode` of the schema: the codes of all apps."""

from typing import TYPE_CHECKING

from core.enums import DescribedEnum
from schema.enums import describe_enum
from users.bulk.errors import ERROR_CODES

if TYPE_CHECKING:
    # mypy cannot follow an enum that is made at run time.
    from core.errors import ErrorCode
else:
    ErrorCode = DescribedEnum(
        "ErrorCode",
        {code.name: (code.value, code.description) for codes in ERROR_CODES for code in codes},
        module=__name__,
    )

__all__ = ["ErrorCode"]

ErrorCode.__doc__ = "Why a request or an input was refused. Codes are never renamed."
describe_enum(ErrorCode)
