"""What other services need to verify our access tokens."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from users.authentication.tokens import public_keys


@require_safe
def jwks(_request: HttpRequest) -> JsonResponse:
    """Publish the public keys (RFC 7517, RFC 8037), the fallbacks' included.

    Caches may keep them for five minutes, so a new key is to be among the fallbacks for longer
    than that before it signs.
    """
    return JsonResponse(
        public_keys(),
        content_type="application/jwk-set+json",
        headers={"Cache-Control": "public, max-age=300"},
    )
