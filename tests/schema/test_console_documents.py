"""The console's own documents are valid, and those that it sends."""

import re
from typing import Final

import pytest

from schema.console.documents import CONSOLE_DOCUMENT_IDS, CONSOLE_DOCUMENTS
from schema.documents.document import Document
from schema.http.execution import problems
from tests.system.repository import text

SENT: Final = re.compile(r"documentId: documents\.(\w+)")
SENT_BY_CLIENT: Final = re.compile(r"\b(\w+)Document,")


@pytest.mark.parametrize("source", CONSOLE_DOCUMENTS.values(), ids=lambda value: value[:20])
def test_documents_are_valid(source: str) -> None:
    assert problems(Document(source)) == []


def test_documents_are_those_that_the_console_and_its_client_send() -> None:
    own = SENT.findall(text("console/src/api.ts"))
    session = set(SENT_BY_CLIENT.findall(text("clients/typescript/src/client.ts")))

    assert sorted(own) == sorted({*CONSOLE_DOCUMENT_IDS} - session)
    assert {"LogIn", "LogOut", "VerifySecondFactor"} <= session & {*CONSOLE_DOCUMENT_IDS}
    assert {each.removeprefix("sha256:") for each in CONSOLE_DOCUMENT_IDS.values()} == {
        *CONSOLE_DOCUMENTS
    }
