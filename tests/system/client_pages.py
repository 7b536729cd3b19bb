"""Pages with the TypeScript client, as `client`; see the fixture `client_script`."""

from typing import Any, Final

from playwright.sync_api import Page

_EXECUTE: Final = "([query, variables]) => client.execute(query, variables)"


def ask(page: Page, query: str, **variables: Any) -> Any:
    """Execute an operation with the page's session; return its only payload."""
    answer = page.evaluate(_EXECUTE, [query, variables])
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    return payload
