"""Tests of `users.organizations`."""
