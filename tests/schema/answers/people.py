"""Users: private fields are null, and so are hidden users.

One table, whose cases share what they select.
"""

from typing import Final

from strawberry.utils.str_converters import to_camel_case

from tests.schema.answers.cases import Case
from tests.schema.answers.cast import ALICES_PROFILE, KEY

PROFILE: Final = {to_camel_case(name): value for name, value in ALICES_PROFILE.items()}
WHOLE: Final = """
    __typename id username name dateJoined isPublic isService email emailVerifiedAt lastSeenAt
    isActive isStaff isSuperuser activeSessionCount permissions secondFactors secondFactorDueAt
    recoveryCodesLeft totp { confirmedAt lastUsedAt } passkeys(first: 2) { nodes { name } }
    groups { name }
    avatar { url width height } publicMetadata privateMetadata
    emailAddresses { email verifiedAt undeliverableAt isPrimary }
    profile { PROFILE }
    suspension { reason until createdAt }
    deletion { requestedAt dueAt } erasedAt
    dataExports { requestedAt readyAt expiresAt }
    memberships(first: 10) { nodes { role organization { name } } }
    apiTokens(first: 10) { nodes { name } } sessions(first: 2) { nodes { ip } }
    externalIds { __typename source value }
    events(first: 1) { nodes { tag } } viewerCanUpdate viewerCanAdminister
""".replace("PROFILE", " ".join(PROFILE))

AVATAR: Final = {
    "url": f"http://testserver/media/avatars/a1/{KEY}-256.webp",
    "width": 256,
    "height": 256,
}
NO_PROFILE: Final = {
    **dict.fromkeys(PROFILE.keys() - {"locale"}, ""),
    "timeZone": "UTC",
}

OF_STAFF: Final = {
    "__typename": "User",
    "id": "$alice",
    "username": "alice",
    "name": "Alice Archer",
    "dateJoined": "2024-01-01T08:00:00+00:00",
    "isPublic": False,
    "isService": False,
    "email": "alice@example.org",
    "emailVerifiedAt": "2024-01-02T08:00:00+00:00",
    "emailAddresses": [
        {
            "email": "alice@example.org",
            "verifiedAt": "2024-01-02T08:00:00+00:00",
            "undeliverableAt": None,
            "isPrimary": True,
        },
        {
            "email": "alice@example.net",
            "verifiedAt": "2024-01-07T08:00:00+00:00",
            "undeliverableAt": "2024-01-08T08:00:00+00:00",
            "isPrimary": False,
        },
    ],
    "avatar": AVATAR,
    "publicMetadata": {"plan": "team"},
    "privateMetadata": {"crm": 7},
    "externalIds": [{"__typename": "ExternalId", "source": "crm", "value": "7"}],
    "lastSeenAt": "2024-03-01T08:00:00+00:00",
    "isActive": True,
    "isStaff": False,
    "isSuperuser": False,
    "activeSessionCount": 2,
    "secondFactors": ["TOTP", "PASSKEY"],
    "secondFactorDueAt": "2100-01-08T00:00:00+00:00",
    "recoveryCodesLeft": 1,
    "totp": {
        "confirmedAt": "2024-02-03T08:00:00+00:00",
        "lastUsedAt": "2024-02-04T08:00:00+00:00",
    },
    "passkeys": {"nodes": [{"name": "Key 0"}]},
    "permissions": ["shop.refund", "shop.sell"],
    "groups": [{"name": "Editors"}],
    "profile": PROFILE,
    "suspension": None,
    "deletion": None,
    "erasedAt": None,
    "dataExports": [],
    "memberships": {"nodes": [{"role": "OWNER", "organization": {"name": "Archers"}}]},
    "apiTokens": {"nodes": []},
    "sessions": {"nodes": [{"ip": None}, {"ip": "192.0.2.1"}]},
    "events": {"nodes": []},
    "viewerCanUpdate": True,
    "viewerCanAdminister": False,
}

NOT_PUBLIC: Final = Case(
    "a user who is not public",
    f"{{ node(id: $alice) {{ ... on User {{ {WHOLE} }} }} }}",
    {
        "anonymous charlie": {"node": None},
        "alice": {
            "node": {
                "__typename": "User",
                "id": "$alice",
                "username": "alice",
                "name": "Alice Archer",
                "dateJoined": "2024-01-01T08:00:00+00:00",
                "isPublic": False,
                "isService": False,
                "email": "alice@example.org",
                "emailVerifiedAt": "2024-01-02T08:00:00+00:00",
                "emailAddresses": [
                    {
                        "email": "alice@example.org",
                        "verifiedAt": "2024-01-02T08:00:00+00:00",
                        "undeliverableAt": None,
                        "isPrimary": True,
                    },
                    {
                        "email": "alice@example.net",
                        "verifiedAt": "2024-01-07T08:00:00+00:00",
                        "undeliverableAt": "2024-01-08T08:00:00+00:00",
                        "isPrimary": False,
                    },
                ],
                "avatar": AVATAR,
                "publicMetadata": {"plan": "team"},
                "privateMetadata": {"crm": 7},
                "externalIds": [],
                "lastSeenAt": "2024-03-01T08:00:00+00:00",
                "isActive": True,
                "isStaff": False,
                "isSuperuser": False,
                "activeSessionCount": 2,
                "secondFactors": ["TOTP", "PASSKEY"],
                "secondFactorDueAt": "2100-01-08T00:00:00+00:00",
                "recoveryCodesLeft": 1,
                "totp": {
                    "confirmedAt": "2024-02-03T08:00:00+00:00",
                    "lastUsedAt": "2024-02-04T08:00:00+00:00",
                },
                "passkeys": {"nodes": [{"name": "Key 0"}]},
                "permissions": ["shop.refund", "shop.sell"],
                "groups": [{"name": "Editors"}],
                "profile": PROFILE,
                "suspension": None,
                "deletion": None,
                "erasedAt": None,
                "dataExports": [
                    {
                        "requestedAt": "2024-03-02T08:00:00+00:00",
                        "readyAt": "2024-03-03T08:00:00+00:00",
                        "expiresAt": "2100-01-01T00:00:00+00:00",
                    }
                ],
                "memberships": {"nodes": [{"role": "OWNER", "organization": {"name": "Archers"}}]},
                "apiTokens": {"nodes": []},
                "sessions": {"nodes": [{"ip": None}, {"ip": "192.0.2.1"}]},
                "events": {"nodes": [{"tag": "EMAIL_CHANGED"}]},
                "viewerCanUpdate": True,
                "viewerCanAdminister": False,
            }
        },
        "dora bob": {
            "node": {
                "__typename": "User",
                "id": "$alice",
                "username": "alice",
                "name": "Alice Archer",
                "dateJoined": "2024-01-01T08:00:00+00:00",
                "isPublic": False,
                "isService": False,
                "email": None,
                "emailVerifiedAt": None,
                "emailAddresses": None,
                "avatar": AVATAR,
                "publicMetadata": {"plan": "team"},
                "privateMetadata": None,
                "externalIds": [],
                "lastSeenAt": None,
                "isActive": None,
                "isStaff": None,
                "isSuperuser": None,
                "activeSessionCount": None,
                "secondFactors": None,
                "secondFactorDueAt": None,
                "recoveryCodesLeft": None,
                "totp": None,
                "passkeys": {"nodes": []},
                "permissions": None,
                "groups": None,
                "profile": {**PROFILE, "locale": None},
                "suspension": None,
                "deletion": None,
                "erasedAt": None,
                "dataExports": [],
                "memberships": {"nodes": [{"role": "OWNER", "organization": {"name": "Archers"}}]},
                "apiTokens": {"nodes": []},
                "sessions": {"nodes": []},
                "events": {"nodes": []},
                "viewerCanUpdate": False,
                "viewerCanAdminister": False,
            }
        },
        "sam": {"node": OF_STAFF},
        "root": {
            "node": OF_STAFF
            | {"events": {"nodes": [{"tag": "EMAIL_CHANGED"}]}, "viewerCanAdminister": True}
        },
    },
)

PAT_OF_STAFF: Final = {
    "__typename": "User",
    "id": "$pat",
    "username": "pat",
    "name": "Pat Public",
    "dateJoined": "2024-01-03T08:00:00+00:00",
    "isPublic": True,
    "isService": False,
    "email": "pat@example.org",
    "emailVerifiedAt": None,
    "emailAddresses": [
        {
            "email": "pat@example.org",
            "verifiedAt": None,
            "undeliverableAt": None,
            "isPrimary": True,
        }
    ],
    "avatar": None,
    "publicMetadata": {},
    "privateMetadata": {},
    "externalIds": [],
    "lastSeenAt": None,
    "isActive": True,
    "isStaff": False,
    "isSuperuser": False,
    "activeSessionCount": 1,
    "secondFactors": [],
    "secondFactorDueAt": "2100-01-08T00:00:00+00:00",
    "recoveryCodesLeft": 0,
    "totp": None,
    "passkeys": {"nodes": []},
    "permissions": [],
    "groups": [],
    "profile": NO_PROFILE | {"locale": "en"},
    "suspension": None,
    "deletion": None,
    "erasedAt": None,
    "dataExports": [],
    "memberships": {"nodes": [{"role": "MEMBER", "organization": {"name": "Chess"}}]},
    "apiTokens": {"nodes": []},
    "sessions": {"nodes": [{"ip": None}]},
    "events": {"nodes": []},
    "viewerCanUpdate": True,
    "viewerCanAdminister": False,
}

PUBLIC: Final = Case(
    "a public user",
    f"{{ user(id: $pat) {{ {WHOLE} }} }}",
    {
        "anonymous": {"user": None},
        "alice dora bob": {
            "user": {
                "__typename": "User",
                "id": "$pat",
                "username": "pat",
                "name": "Pat Public",
                "dateJoined": "2024-01-03T08:00:00+00:00",
                "isPublic": True,
                "isService": False,
                "email": None,
                "emailVerifiedAt": None,
                "emailAddresses": None,
                "avatar": None,
                "publicMetadata": {},
                "privateMetadata": None,
                "externalIds": [],
                "lastSeenAt": None,
                "isActive": None,
                "isStaff": None,
                "isSuperuser": None,
                "activeSessionCount": None,
                "secondFactors": None,
                "secondFactorDueAt": None,
                "recoveryCodesLeft": None,
                "totp": None,
                "passkeys": {"nodes": []},
                "permissions": None,
                "groups": None,
                "profile": NO_PROFILE | {"locale": None},
                "suspension": None,
                "deletion": None,
                "erasedAt": None,
                "dataExports": [],
                "memberships": {"nodes": []},
                "apiTokens": {"nodes": []},
                "sessions": {"nodes": []},
                "events": {"nodes": []},
                "viewerCanUpdate": False,
                "viewerCanAdminister": False,
            }
        },
        "charlie": {
            "user": {
                "__typename": "User",
                "id": "$pat",
                "username": "pat",
                "name": "Pat Public",
                "dateJoined": "2024-01-03T08:00:00+00:00",
                "isPublic": True,
                "isService": False,
                "email": None,
                "emailVerifiedAt": None,
                "emailAddresses": None,
                "avatar": None,
                "publicMetadata": {},
                "privateMetadata": None,
                "externalIds": [],
                "lastSeenAt": None,
                "isActive": None,
                "isStaff": None,
                "isSuperuser": None,
                "activeSessionCount": None,
                "secondFactors": None,
                "secondFactorDueAt": None,
                "recoveryCodesLeft": None,
                "totp": None,
                "passkeys": {"nodes": []},
                "permissions": None,
                "groups": None,
                "profile": NO_PROFILE | {"locale": None},
                "suspension": None,
                "deletion": None,
                "erasedAt": None,
                "dataExports": [],
                "memberships": {"nodes": [{"role": "MEMBER", "organization": {"name": "Chess"}}]},
                "apiTokens": {"nodes": []},
                "sessions": {"nodes": []},
                "events": {"nodes": []},
                "viewerCanUpdate": False,
                "viewerCanAdminister": False,
            }
        },
        "sam": {"user": PAT_OF_STAFF},
        "root": {"user": PAT_OF_STAFF | {"viewerCanAdminister": True}},
    },
)

SUSPENDED: Final = Case(
    "a suspended user who is no longer public",
    "{ user(id: $sue) { username email isActive suspension { reason until createdAt } } }",
    {
        "anonymous charlie": {"user": None},
        "alice dora bob": {
            "user": {"username": "sue", "email": None, "isActive": None, "suspension": None}
        },
        "sam root": {
            "user": {
                "username": "sue",
                "email": "sue@example.org",
                "isActive": False,
                "suspension": {
                    "reason": "Spam",
                    "until": "2100-01-01T00:00:00+00:00",
                    "createdAt": "2024-02-01T08:00:00+00:00",
                },
            }
        },
    },
)

DELETED: Final = Case(
    "an erased user",
    """{ user(id: $sue) {
         username erasedAt deletion { requestedAt dueAt } dataExports { readyAt }
       } }""",
    {
        "anonymous charlie": {"user": None},
        "alice dora bob": {
            "user": {"username": "sue", "erasedAt": None, "deletion": None, "dataExports": []}
        },
        "sam root": {
            "user": {
                "username": "sue",
                "erasedAt": "2024-02-03T08:00:00+00:00",
                "deletion": {
                    "requestedAt": "2024-02-02T08:00:00+00:00",
                    "dueAt": "2100-01-01T00:00:00+00:00",
                },
                "dataExports": [],
            }
        },
    },
)

BY_ADDRESS: Final = Case(
    "a user by a secondary address",
    '{ userBy(by: {email: "alice@example.net"}) { id email } }',
    {
        "anonymous dora bob charlie": {"userBy": None},
        "alice sam root": {"userBy": {"id": "$alice", "email": "alice@example.org"}},
    },
)

CASES: Final = [NOT_PUBLIC, PUBLIC, SUSPENDED, DELETED, BY_ADDRESS]
