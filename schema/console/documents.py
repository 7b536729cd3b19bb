"""The console's own documents, which are trusted, so that it works with `DOCUMENTS=trusted`."""

from typing import Final

from schema.console.examples import OPERATIONS
from schema.trusted.identifiers import PREFIX, digest_of

# Sent by the TypeScript client; see `documentIds` in clients/typescript.
_SESSION: Final = (
    *("LogIn", "VerifySecondFactor", "BeginPasskeyAuthentication", "LogInWithPasskey", "LogOut"),
)
_TEXTS: Final = {
    "Identity": "query Identity { me { username name isStaff isSuperuser } }",
    # For the variables of examples.
    "Ids": """query Ids {
  me {
    id
    groups { id }
    memberships(first: 1) { nodes { organization { id } } }
    sessions(first: 1) { nodes { id } }
    passkeys(first: 1) { nodes { id } }
    apiTokens(first: 1) { nodes { id } }
  }
}""",
} | {
    name: (OPERATIONS / "signing-in" / f"{name}.graphql").read_text(encoding="utf-8")
    for name in _SESSION
}
# By canonical id.
CONSOLE_DOCUMENTS: Final = {digest_of(text): text for text in _TEXTS.values()}
# By name, as the console sends them in `documentId`.
CONSOLE_DOCUMENT_IDS: Final = {name: PREFIX + digest_of(text) for name, text in _TEXTS.items()}
