"""Text that PostgreSQL can store."""


def replace_nul(text: str) -> str:
    """Replace NUL, which PostgreSQL cannot store, by the replacement character."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
