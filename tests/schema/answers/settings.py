"""The settings: the same for all clients."""

from typing import Final

from tests.schema.answers.cases import Case

SETTINGS: Final = Case(
    "the settings",
    """{ settings {
         serviceName signUp signUpDomains locales secondFactor passkeyRelyingPartyId
         password { minLength maxLength areLookedUp } username { minLength maxLength }
         avatarUpload { maxBytes maxPixels }
         limits {
           maxPageSize maxCharacters maxTokens maxDepth maxAliases maxRootFields maxFields maxRows
           maxValues maxBodyBytes maxResponseBytes
         }
       } }""",
    {
        "anonymous alice dora bob charlie sam root": {
            "settings": {
                "serviceName": "Roster",
                "signUp": "OPEN",
                "signUpDomains": [],
                "locales": ["en", "de"],
                # As the test of all cases sets it.
                "secondFactor": "ALL",
                "passkeyRelyingPartyId": "testserver",
                "password": {"minLength": 12, "maxLength": 128, "areLookedUp": False},
                "username": {"minLength": 3, "maxLength": 30},
                "avatarUpload": {"maxBytes": 5_000_000, "maxPixels": 25_000_000},
                "limits": {
                    "maxPageSize": 100,
                    "maxCharacters": 100_000,
                    "maxTokens": 1_000,
                    "maxDepth": 15,
                    "maxAliases": 30,
                    "maxRootFields": 10,
                    "maxFields": 1_000,
                    "maxRows": 20_000,
                    "maxValues": 100_000,
                    "maxBodyBytes": 100_000,
                    "maxResponseBytes": 10_000_000,
                },
            }
        }
    },
)

CASES: Final = [SETTINGS]
