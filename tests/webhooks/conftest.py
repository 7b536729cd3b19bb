"""Receivers on this machine, to which webhooks may be sent here."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from tests.support.receivers import Receiver, receiving


@pytest.fixture
def local_receivers(settings: Any) -> None:
    settings.WEBHOOK_SCHEMES = ["https", "http"]
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver(local_receivers: None) -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
