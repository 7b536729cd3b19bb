"""Tests of `users.bulk`."""
