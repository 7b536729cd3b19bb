"""Management of webhooks, and their deliveries."""
