"""What pages of allowed origins may send and read (Fetch, CORS protocol), as Django settings."""

CORS_URLS_REGEX = r"/(graphql\Z|schema\.graphql\Z|\.well-known/|media/)"
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST"]
CORS_ALLOW_HEADERS = [
    "Accept",
    "Accept-Language",
    "Apollo-Require-Preflight",
    "Authorization",
    "Cache-Control",
    "Content-Type",
    "GraphQL-Require-Preflight",
    "If-None-Match",
    "X-Request-ID",
]
CORS_EXPOSE_HEADERS = ["Age", "ETag", "Retry-After", "WWW-Authenticate", "X-Request-ID"]
# Chromium's maximum, in seconds.
CORS_PREFLIGHT_MAX_AGE = 7_200
