"""What one operation may take while it runs: time, and bytes of its answer.

Bytes are counted level by level, before the objects of a level are made. For most levels that is
one product, of the rows and of what an object has at the most by its types. Only when the sum of
these is large are texts counted, column by column, and what they say is a lower bound: each is in
the answer at least once. What leads to the same object many times, such as the organisation of each
of many memberships, multiplies the estimate; before such an answer is serialised, it is counted
exactly.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from sys import maxsize
from threading import Lock
from typing import Any, Final, Self

import orjson

from engine.deadline import Deadline, OperationCancelledError
from engine.result.completion import Column, ErrorCell, PartialCell

# From here on texts are counted, and an answer has to wait for other large ones.
LARGE: Final = 1_000_000
# How long a text is whose size is worth remembering.
LONG: Final = 100
# A character takes six bytes at the most, as an escape.
ESCAPE: Final = 6
# An error takes as long to make as a hundred values.
MAX_ERRORS: Final = 5_000

_one_large_answer: Final = Lock()


class ResponseTooLargeError(OperationCancelledError):
    """The answer would have more bytes than are allowed."""


class FieldCancelledError(Exception):
    """A mutation's field was cancelled; ``is_executed`` if what it changes is changed."""

    def __init__(self, cancelled: OperationCancelledError, *, is_executed: bool) -> None:
        """Carry why."""
        super().__init__(type(cancelled).__name__)
        self.cancelled = cancelled
        self.is_executed = is_executed


@dataclass(frozen=True, slots=True)
class Widths:
    """What an object of a selection has: bytes, but for some leaves whose columns are counted."""

    # Of keys, and of leaves whose types or columns bound them.
    known: int
    # The indexes of the other leaves, and of all.
    unknown: Sequence[int]
    leaves: Sequence[int]


@dataclass(slots=True)
class Bounds:
    """The bounds of one operation, and what is used of them."""

    max_bytes: int = maxsize
    deadline: Deadline | None = None
    # How often, at the most, each object that is read at the moment is in the answer.
    repeats: int = 1
    # An upper bound of the answer's bytes, unless types lie, and a lower bound once it is large.
    estimate: int = 0
    texts: int = 0
    # The exact size of what is complete, if it was counted.
    _complete: int = 0
    _holds_lock: bool = field(default=False, init=False)

    def check_time(self) -> None:
        """Raise `DeadlineExceededError` if the deadline has passed."""
        if self.deadline is not None:
            self.deadline.check()

    def add_level(self, widths: Widths, columns: Sequence[Column], size: int) -> None:
        """Count a level of so many objects, before they are made of the columns.

        Raises `ResponseTooLargeError`.
        """
        estimate = widths.known * size
        for index in widths.unknown:
            estimate += _estimate(columns[index].cells)
        self.estimate += estimate * self.repeats
        if self.estimate > LARGE or self.estimate > self.max_bytes:
            for index in widths.leaves:
                self.add_texts(columns[index].cells)

    def add_texts(self, cells: Sequence[Any]) -> None:
        """Count what texts say, at least. Raises `ResponseTooLargeError`."""
        self.texts += _characters(cells)
        if self.texts > self.max_bytes:
            raise ResponseTooLargeError
        if self.texts > LARGE:
            self._wait_for_others()

    def repeat(self, keys: Sequence[Hashable], distinct: int, read: Callable[[], Column]) -> Column:
        """Read a level of objects with the keys, of which ``distinct`` are different."""
        if len(keys) <= distinct:
            return read()
        before = self.repeats
        self.repeats *= max(Counter(keys).values())
        try:
            return read()
        finally:
            self.repeats = before

    def complete(self, cells: Sequence[Any]) -> None:
        """Count what is complete, exactly if need be. Raises `ResponseTooLargeError`."""
        if self.estimate > self.max_bytes:
            self.count(cells)

    def count(self, cells: Sequence[Any]) -> None:
        """Count what is complete exactly. Raises `ResponseTooLargeError`."""
        known: dict[int, int] = {}
        self._complete += sum(_size(cell, known) for cell in cells)
        self.estimate = self._complete
        if self._complete > self.max_bytes:
            raise ResponseTooLargeError

    def mark(self) -> tuple[int, int, int]:
        """Return what is used so far."""
        return self.estimate, self.texts, self._complete

    def restore(self, mark: tuple[int, int, int]) -> None:
        """Forget what was used since, because it is not part of the answer."""
        self.estimate, self.texts, self._complete = mark

    def __enter__(self) -> Self:
        """Begin the operation."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Let other large answers be made, once this one is serialised or given up."""
        if self._holds_lock:
            self._holds_lock = False
            _one_large_answer.release()

    def _wait_for_others(self) -> None:
        """Make large answers one by one in a process, which bounds what they take together."""
        if not self._holds_lock:
            timeout = -1 if self.deadline is None else self.deadline.remaining
            self._holds_lock = _one_large_answer.acquire(timeout=timeout)
            self.check_time()


def _estimate(cells: Sequence[Any]) -> int:
    """Return how many bytes leaves have at the most."""
    if set(map(type, cells)) <= {str}:
        return ESCAPE * sum(map(len, cells))
    known: dict[int, int] = {}
    return sum(_size(cell, known) for cell in cells)


def _characters(cells: Sequence[Any]) -> int:
    """Return how many bytes leaves have at least."""
    types = set(map(type, cells))
    if types == {str}:
        return sum(map(len, cells))
    if types <= {str, type(None)}:
        return sum(map(len, filter(None, cells)))
    known: dict[int, int] = {}
    return sum(_size(cell, known) for cell in cells)


def _size(value: Any, known: dict[int, int]) -> int:
    """Return how many bytes a value of the answer has as JSON.

    What is in it many times is looked at once; it must not be changed meanwhile.
    """
    kind = type(value)
    if kind is str and len(value) <= LONG and value.isascii() and value.isalnum():
        return len(value) + 2
    if kind is ErrorCell:
        return 0
    if kind not in {dict, list, str, PartialCell}:
        return _leaf_size(value)
    size = known.get(id(value))
    if size is None:
        if kind is dict:
            # A colon and a comma for each key, and the braces.
            size = max(
                2,
                1 + sum(2 + _size(key, known) + _size(each, known) for key, each in value.items()),
            )
        elif kind is list:
            size = max(2, 1 + len(value) + sum(_size(each, known) for each in value))
        elif kind is str:
            size = _leaf_size(value)
        else:
            size = _size(value.value, known)
        known[id(value)] = size
    return size


def _leaf_size(value: Any) -> int:
    try:
        return len(orjson.dumps(value))
    except TypeError:
        # What cannot be serialised is another matter.
        return len(repr(value))
