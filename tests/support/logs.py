"""What was logged, as the service writes it: messages with the values of `extra=`."""

import pytest

from core.configuration.logs import json_formatter


def written_lines(caplog: pytest.LogCaptureFixture) -> str:
    """Return the captured records as lines of JSON."""
    formatter = json_formatter()
    return "\n".join(formatter.format(record) for record in caplog.records)
