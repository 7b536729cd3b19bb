"""Tests of `core.server` with gunicorn."""
