"""Tests of `users.demo`."""
