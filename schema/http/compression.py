"""Which answers proxies may compress.

The length of a compressed answer reveals whether two parts of it are alike. An attacker who chooses
one part and observes lengths can so guess another part (BREACH).
"""

from typing import Final

from django.http import HttpRequest

from core.cached_settings import settings
from schema.documents.document import Document

# NGINX compresses no response that has an encoding.
UNCOMPRESSED: Final = {"Content-Encoding": "identity"}


def may_be_compressed(request: HttpRequest, document: Document | None) -> bool:
    """Return whether the answer has no secrets, and the client itself chose the query.

    Only mutations return tokens and codes. Links of other sites can make a browser send a query
    with the session cookie.
    """
    if document is None or not document.is_read_only:
        return False
    has_cookie = settings.SESSION_COOKIE in request.COOKIES
    return not has_cookie or request.META.get("HTTP_SEC_FETCH_SITE") == "same-origin"
