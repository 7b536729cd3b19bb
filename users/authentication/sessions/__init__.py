"""Sessions: request credentials, access tokens, expiry and known devices."""
