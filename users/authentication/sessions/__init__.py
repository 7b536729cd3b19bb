"""Sessions: credentials of requests, access tokens, expiry."""
