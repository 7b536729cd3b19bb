"""Texts that PostgreSQL can hold."""


def replace_nul(text: str) -> str:
    """Return the text as PostgreSQL can hold it: without NUL, for which another sign stands."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
