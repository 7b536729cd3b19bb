"""Organisations: visible to members; invitations and events to owners and administrators."""

from typing import Final

from tests.schema.answers.cases import Case, sign_in_first

OF_STAFF: Final = {
    "__typename": "Organization",
    "id": "$archers",
    "name": "Archers",
    "createdAt": "2024-01-08T08:00:00+00:00",
    "myRole": None,
    "viewerCanUpdate": False,
    "viewerCanManage": False,
    "viewerCanDelete": False,
    "invitations": [
        {"email": "newer@example.org", "inviter": {"username": "dora"}},
        {"email": "older@example.org", "inviter": {"username": "charlie"}},
    ],
    "members": {
        "nodes": [
            {
                "role": "OWNER",
                "user": {"username": "alice", "email": "alice@example.org"},
            },
            {
                "role": "ADMIN",
                "user": {"username": "dora", "email": "dora@example.org"},
            },
            {
                "role": "MEMBER",
                "user": {"username": "bob", "email": "bob@example.org"},
            },
            {
                "role": "MEMBER",
                "user": {"username": "sue", "email": "sue@example.org"},
            },
        ],
        "totalCount": {"value": 4},
    },
    "events": {"nodes": [], "totalCount": {"value": 0}},
}
RIGHTS: Final = ("viewerCanUpdate", "viewerCanManage", "viewerCanDelete")
# By Alice.
PROMOTED: Final = {
    "nodes": [{"id": "$promoted", "personal": {"reason": "Well aimed."}}],
    "totalCount": {"value": 1},
}

MANAGED_WEBHOOKS: Final = {
    "viewerCanCreateWebhooks": True,
    "webhooks": {"nodes": [{"id": "$hook"}]},
}
NO_WEBHOOKS: Final = {"viewerCanCreateWebhooks": False, "webhooks": {"nodes": []}}
ORGANIZATION: Final = Case(
    "an organisation",
    """{ organization(id: $archers) {
         __typename id name createdAt myRole viewerCanUpdate viewerCanManage viewerCanDelete
         invitations { email inviter { username } }
         members(first: 10) { nodes { role user { username email } } totalCount { value } }
         events(first: 10) { nodes { id personal } totalCount { value } }
         viewerCanCreateWebhooks webhooks(first: 9) { nodes { id } }
       } }""",
    {
        "anonymous charlie": {"organization": None},
        "alice": {
            "organization": {
                "__typename": "Organization",
                "id": "$archers",
                "name": "Archers",
                "createdAt": "2024-01-08T08:00:00+00:00",
                "myRole": "OWNER",
                "viewerCanUpdate": True,
                "viewerCanManage": True,
                "viewerCanDelete": True,
                "invitations": [
                    {"email": "newer@example.org", "inviter": {"username": "dora"}},
                    {"email": "older@example.org", "inviter": None},
                ],
                "members": {
                    "nodes": [
                        {
                            "role": "OWNER",
                            "user": {"username": "alice", "email": "alice@example.org"},
                        },
                        {"role": "ADMIN", "user": {"username": "dora", "email": None}},
                        {"role": "MEMBER", "user": {"username": "bob", "email": None}},
                        {"role": "MEMBER", "user": {"username": "sue", "email": None}},
                    ],
                    "totalCount": {"value": 4},
                },
                "events": PROMOTED,
                **MANAGED_WEBHOOKS,
            }
        },
        "dora": {
            "organization": {
                "__typename": "Organization",
                "id": "$archers",
                "name": "Archers",
                "createdAt": "2024-01-08T08:00:00+00:00",
                "myRole": "ADMIN",
                "viewerCanUpdate": False,
                "viewerCanManage": True,
                "viewerCanDelete": False,
                "invitations": [
                    {"email": "newer@example.org", "inviter": {"username": "dora"}},
                    {"email": "older@example.org", "inviter": None},
                ],
                "members": {
                    "nodes": [
                        {"role": "OWNER", "user": {"username": "alice", "email": None}},
                        {
                            "role": "ADMIN",
                            "user": {"username": "dora", "email": "dora@example.org"},
                        },
                        {"role": "MEMBER", "user": {"username": "bob", "email": None}},
                        {"role": "MEMBER", "user": {"username": "sue", "email": None}},
                    ],
                    "totalCount": {"value": 4},
                },
                "events": {
                    "nodes": [{"id": "$promoted", "personal": None}],
                    "totalCount": {"value": 1},
                },
                **MANAGED_WEBHOOKS,
            }
        },
        "bob": {
            "organization": {
                "__typename": "Organization",
                "id": "$archers",
                "name": "Archers",
                "createdAt": "2024-01-08T08:00:00+00:00",
                "myRole": "MEMBER",
                "viewerCanUpdate": False,
                "viewerCanManage": False,
                "viewerCanDelete": False,
                "invitations": [],
                "members": {
                    "nodes": [
                        {"role": "OWNER", "user": {"username": "alice", "email": None}},
                        {"role": "ADMIN", "user": {"username": "dora", "email": None}},
                        {
                            "role": "MEMBER",
                            "user": {"username": "bob", "email": "bob@example.org"},
                        },
                        {"role": "MEMBER", "user": {"username": "sue", "email": None}},
                    ],
                    "totalCount": {"value": 4},
                },
                "events": {"nodes": [], "totalCount": {"value": 0}},
                **NO_WEBHOOKS,
            }
        },
        "sam": {"organization": OF_STAFF | NO_WEBHOOKS},
        "root": {
            "organization": OF_STAFF
            | dict.fromkeys(RIGHTS, True)
            | {"events": PROMOTED, **MANAGED_WEBHOOKS}
        },
    },
)

ORGANIZATIONS: Final = Case(
    "all organisations",
    "{ organizations(first: 10) { nodes { id name myRole } totalCount { value } } }",
    {
        "anonymous": sign_in_first("organizations"),
        "alice": {
            "organizations": {
                "nodes": [{"id": "$archers", "name": "Archers", "myRole": "OWNER"}],
                "totalCount": {"value": 1},
            }
        },
        "dora": {
            "organizations": {
                "nodes": [{"id": "$archers", "name": "Archers", "myRole": "ADMIN"}],
                "totalCount": {"value": 1},
            }
        },
        "bob": {
            "organizations": {
                "nodes": [{"id": "$archers", "name": "Archers", "myRole": "MEMBER"}],
                "totalCount": {"value": 1},
            }
        },
        "charlie": {
            "organizations": {
                "nodes": [{"id": "$chess", "name": "Chess", "myRole": "OWNER"}],
                "totalCount": {"value": 1},
            }
        },
        "sam root": {
            "organizations": {
                "nodes": [
                    {"id": "$archers", "name": "Archers", "myRole": None},
                    {"id": "$chess", "name": "Chess", "myRole": None},
                ],
                "totalCount": {"value": 2},
            }
        },
    },
)

MEMBERSHIP: Final = Case(
    "a membership of a public user",
    """{ user(id: $pat) { memberships(first: 10) { nodes {
         __typename role createdAt organization { id } user { id email }
       } } } }""",
    {
        "anonymous": {"user": None},
        "alice dora bob": {"user": {"memberships": {"nodes": []}}},
        "charlie": {
            "user": {
                "memberships": {
                    "nodes": [
                        {
                            "__typename": "Membership",
                            "role": "MEMBER",
                            "createdAt": "2024-01-14T08:00:00+00:00",
                            "organization": {"id": "$chess"},
                            "user": {"id": "$pat", "email": None},
                        }
                    ]
                }
            }
        },
        "sam root": {
            "user": {
                "memberships": {
                    "nodes": [
                        {
                            "__typename": "Membership",
                            "role": "MEMBER",
                            "createdAt": "2024-01-14T08:00:00+00:00",
                            "organization": {"id": "$chess"},
                            "user": {"id": "$pat", "email": "pat@example.org"},
                        }
                    ]
                }
            }
        },
    },
)

INVITATION: Final = Case(
    "an invitation by a fellow member",
    """{ node(id: $newer) { ... on OrganizationInvitation {
         __typename id email role createdAt expiresAt inviter { id email }
       } } }""",
    {
        "anonymous bob charlie": {"node": None},
        "alice": {
            "node": {
                "__typename": "OrganizationInvitation",
                "id": "$newer",
                "email": "newer@example.org",
                "role": "MEMBER",
                "createdAt": "2024-01-21T08:00:00+00:00",
                "expiresAt": "2100-01-01T00:00:00+00:00",
                "inviter": {"id": "$dora", "email": None},
            }
        },
        "dora sam root": {
            "node": {
                "__typename": "OrganizationInvitation",
                "id": "$newer",
                "email": "newer@example.org",
                "role": "MEMBER",
                "createdAt": "2024-01-21T08:00:00+00:00",
                "expiresAt": "2100-01-01T00:00:00+00:00",
                "inviter": {"id": "$dora", "email": "dora@example.org"},
            }
        },
    },
)

INVITATION_OF_ONE_WHO_LEFT: Final = Case(
    "an invitation by a former member who is hidden",
    """{ node(id: $older) { ... on OrganizationInvitation {
         __typename id email role createdAt expiresAt inviter { id email }
       } } }""",
    {
        "anonymous bob charlie": {"node": None},
        "alice dora": {
            "node": {
                "__typename": "OrganizationInvitation",
                "id": "$older",
                "email": "older@example.org",
                "role": "ADMIN",
                "createdAt": "2024-01-20T08:00:00+00:00",
                "expiresAt": "2100-01-01T00:00:00+00:00",
                "inviter": None,
            }
        },
        "sam root": {
            "node": {
                "__typename": "OrganizationInvitation",
                "id": "$older",
                "email": "older@example.org",
                "role": "ADMIN",
                "createdAt": "2024-01-20T08:00:00+00:00",
                "expiresAt": "2100-01-01T00:00:00+00:00",
                "inviter": {"id": "$charlie", "email": "charlie@example.org"},
            }
        },
    },
)

CASES: Final = [
    ORGANIZATION,
    ORGANIZATIONS,
    MEMBERSHIP,
    INVITATION,
    INVITATION_OF_ONE_WHO_LEFT,
]
