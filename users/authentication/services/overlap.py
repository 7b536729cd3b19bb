"""The overlap of a rotation, during which the previous secret is valid as well."""

import datetime as dt
from typing import Final

from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem

MAX_OVERLAP: Final = dt.timedelta(days=7)
MAX_OVERLAP_MINUTES: Final = MAX_OVERLAP // dt.timedelta(minutes=1)


def check_overlap(overlap: dt.timedelta) -> None:
    """Raise `InputRejectedError` unless the overlap is within 0 and `MAX_OVERLAP`."""
    if not dt.timedelta(0) <= overlap <= MAX_OVERLAP:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Choose 0 to %(max)d minutes.") % {"max": MAX_OVERLAP_MINUTES},
                ("overlap_minutes",),
            )
        )
