"""Errors of a page's arguments; the application maps them to its own."""


class InvalidCursorError(Exception):
    """A cursor that this connection, in this order, never returned."""


class PageArgumentsError(Exception):
    """The arguments do not select a page."""


class PageSizeMissingError(PageArgumentsError):
    """None or both of `first` and `last` are given."""


class PageSizeRangeError(PageArgumentsError):
    """The page size is less than 1 or more than ``max_size``."""

    def __init__(self, max_size: int) -> None:
        """Carry the largest page size."""
        super().__init__(f"The page size must be from 1 to {max_size}.")
        self.max_size = max_size
