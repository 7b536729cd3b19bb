"""Requests that identify their document."""

import json
from typing import Any

from schema.trusted.identifiers import digest_of
from schema.trusted.manifests import Entry
from schema.trusted.services import trust
from tests.support.client import Answer, GraphQLClient


def trust_text(text: str, document_id: str | None = None) -> str:
    """Trust a document; return its id, by default with its SHA-256."""
    document_id = document_id or f"sha256:{digest_of(text)}"
    trust([Entry(document_id, text)])
    return document_id


def apq(key: str) -> dict[str, Any]:
    """Return the `extensions` of an automatic persisted query."""
    return {"persistedQuery": {"version": 1, "sha256Hash": key}}


def send(client: GraphQLClient, headers: dict[str, str] | None = None, **parameters: Any) -> Answer:
    """Send the parameters by POST."""
    return client.post(json.dumps(parameters), **(headers or {}))


def send_hash(client: GraphQLClient, text: str, **parameters: Any) -> Answer:
    """Send only the SHA-256 of a document, as Apollo and urql do first."""
    return send(client, extensions=apq(digest_of(text)), **parameters)


def send_both(client: GraphQLClient, text: str, **parameters: Any) -> Answer:
    """Send a document with its SHA-256, as Apollo and urql do after a miss."""
    return send_hash(client, text, query=text, **parameters)
