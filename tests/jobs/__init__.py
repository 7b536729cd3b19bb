"""Tests of `users.jobs`."""
