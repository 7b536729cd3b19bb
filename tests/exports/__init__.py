"""Tests of `users.exports`."""
