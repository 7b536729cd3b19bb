"""Pages with the TypeScript client, as `client`; see the fixture `client_script`."""

from typing import Any, Final

from playwright.sync_api import Page

# A platform authenticator, such as a phone's, that always verifies its user.
_AUTHENTICATOR: Final = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
_EXECUTE: Final = "([query, variables]) => client.execute(query, variables)"


def add_authenticator(page: Page) -> None:
    """Add Chromium's virtual authenticator, without passkeys."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})


def ask(page: Page, query: str, **variables: Any) -> Any:
    """Execute an operation with the page's session; return its only payload."""
    answer = page.evaluate(_EXECUTE, [query, variables])
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    return payload
