"""Tests of `users.activity`."""
