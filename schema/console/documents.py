"""The console's own documents, which are trusted, so that it works with `DOCUMENTS=trusted`."""

from typing import Final

from schema.trusted.identifiers import PREFIX, digest_of

_TEXTS: Final = {
    "Identity": "query Identity { me { username name isStaff isSuperuser } }",
    "SignIn": """mutation SignIn($input: LogInInput!) {
  logIn(input: $input) { secondFactor { mfaToken methods } errors { code message } }
}""",
    "SecondStep": """mutation SecondStep($input: VerifySecondFactorInput!) {
  verifySecondFactor(input: $input) { errors { code message } }
}""",
    "AskPasskey": """mutation AskPasskey($input: BeginPasskeyAuthenticationInput!) {
  beginPasskeyAuthentication(input: $input) { options errors { code message } }
}""",
    "SignOut": "mutation SignOut { logOut { errors { code } } }",
}
# By canonical id.
CONSOLE_DOCUMENTS: Final = {digest_of(text): text for text in _TEXTS.values()}
# By name, as the console sends them in `documentId`.
CONSOLE_DOCUMENT_IDS: Final = {name: PREFIX + digest_of(text) for name, text in _TEXTS.items()}
