"""Tests of `users.authentication`."""
