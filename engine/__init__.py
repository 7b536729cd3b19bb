"""Execution of Strawberry schemas on Django, with no knowledge of users."""
