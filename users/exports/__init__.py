"""Exports of users: files of columns, written by a worker or by a command."""
