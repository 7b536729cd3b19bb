"""Tests of `users.privacy`."""
