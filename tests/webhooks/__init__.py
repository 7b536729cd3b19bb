"""Tests of `users.webhooks`."""
