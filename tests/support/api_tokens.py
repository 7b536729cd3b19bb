"""Creation and use of API tokens over HTTP."""

from typing import Any

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD, node_id
from users.accounts.models import User
from users.authentication.models import ApiToken

CREATE = """
    mutation ($input: CreateApiTokenInput!) {
      createApiToken(input: $input) {
        secret apiToken { id name scopes expiresAt lastUsedAt user { username } }
        errors { code field }
      }
    }
"""
ROTATE = """
    mutation ($input: RotateApiTokenInput!) {
      rotateApiToken(input: $input) {
        secret apiToken { id name scopes expiresAt } errors { code field }
      }
    }
"""
RENAME = """
    mutation ($id: ID!, $name: String!) {
      renameApiToken(input: {tokenId: $id, name: $name}) {
        apiToken { name } errors { code field }
      }
    }
"""
REVOKE = """
    mutation ($id: ID!) { revokeApiToken(input: {tokenId: $id}) { errors { code field } } }
"""
CREATE_SERVICE = """
    mutation ($input: CreateServiceAccountInput!) {
      createServiceAccount(input: $input) {
        user { id username isService isStaff isSuperuser isActive } errors { code field }
      }
    }
"""
CREATE_SERVICE_TOKEN = """
    mutation ($input: CreateServiceAccountTokenInput!) {
      createServiceAccountToken(input: $input) {
        secret apiToken { id name scopes } errors { code field }
      }
    }
"""
DEACTIVATE = """
    mutation ($id: ID!) {
      deactivateServiceAccount(input: {serviceAccountId: $id}) {
        user { isActive } errors { code field }
      }
    }
"""


def create(client: GraphQLClient, *scopes: str, **changes: Any) -> Answer:
    """Send `createApiToken`; the password is correct unless it is in ``changes``."""
    given = {"name": "CI", "scopes": list(scopes or ["PROFILE_READ"]), "password": PASSWORD}
    return client(CREATE, input=given | changes)


def created(client: GraphQLClient, *scopes: str, **changes: Any) -> str:
    """Create a token; return its secret."""
    payload = create(client, *scopes, **changes).data["createApiToken"]
    assert payload["errors"] == []
    secret: str = payload["secret"]
    return secret


def rotate(client: GraphQLClient, token: ApiToken, **changes: Any) -> Answer:
    given = {"tokenId": node_id(token), "password": PASSWORD}
    return client(ROTATE, input=given | changes)


def create_for_service(client: GraphQLClient, service: User, **changes: Any) -> Answer:
    given = {
        "serviceAccountId": node_id(service),
        "name": "CI",
        "scopes": ["USERS_READ"],
        "password": PASSWORD,
    }
    return client(CREATE_SERVICE_TOKEN, input=given | changes)


def assert_dead(secret: str) -> None:
    """Assert that the token is refused as in RFC 6750, section 3.1."""
    answer = GraphQLClient(secret)("{ me { username } }")
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def assert_insufficient(answer: Answer, scope: str | None) -> None:
    """Assert that the answer is `INSUFFICIENT_SCOPE` and names the required scope."""
    assert (answer.status, answer.codes) == (403, ["INSUFFICIENT_SCOPE"])
    assert answer.body["errors"][0]["extensions"]["scope"] == scope
    assert "data" not in answer.body
    needed = f', scope="{scope}"' if scope else ""
    assert answer.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope"{needed}'
