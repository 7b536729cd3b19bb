"""Groups and permissions: visible to staff; groups also to their members."""

from typing import Final

from tests.schema.answers.cases import Case, not_allowed, sign_in_first

EDITORS: Final = {
    "__typename": "Group",
    "id": "$editors",
    "name": "Editors",
    "permissions": ["shop.sell"],
}
GROUP: Final = Case(
    "a group",
    """{ node(id: $editors) { ... on Group {
         __typename id name permissions members(first: 9) { nodes { user { username } } }
       } } }""",
    {
        "anonymous dora bob charlie": {"node": None},
        "alice": {"node": EDITORS | {"members": {"nodes": []}}},
        "sam root": {"node": EDITORS | {"members": {"nodes": [{"user": {"username": "alice"}}]}}},
    },
)

GROUPS: Final = Case(
    "all groups",
    "{ groups(first: 10) { nodes { id name permissions } totalCount { value } } }",
    {
        "anonymous": sign_in_first("groups"),
        "alice dora bob charlie": not_allowed("groups"),
        "sam root": {
            "groups": {
                "nodes": [
                    {"id": "$authors", "name": "Authors", "permissions": []},
                    {"id": "$editors", "name": "Editors", "permissions": ["shop.sell"]},
                ],
                "totalCount": {"value": 2},
            }
        },
    },
)

PERMISSIONS: Final = Case(
    "permissions of applications",
    "{ permissions { __typename name description } }",
    {
        "anonymous": sign_in_first("permissions"),
        "alice dora bob charlie": not_allowed("permissions"),
        "sam root": {
            "permissions": [
                {
                    "__typename": "Permission",
                    "name": "shop.refund",
                    "description": "Can refund things",
                },
                {
                    "__typename": "Permission",
                    "name": "shop.sell",
                    "description": "Can sell things",
                },
            ]
        },
    },
)

CASES: Final = [GROUP, GROUPS, PERMISSIONS]
