"""Tests of `users.accounts`."""
