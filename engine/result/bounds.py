"""The bounds of one operation: time, and bytes of its response.

Bytes are counted level by level, before the objects of a level are made. For most levels that is
one product: the rows times the most bytes of an object by its types. Only when the sum is large are
leaves measured, column by column; their texts are also a lower bound, because each is in the
response at least once. Fields that lead to the same object many times, such as the organisation of
many memberships, multiply the estimate; such a response is counted exactly before it is serialised.
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

# Beyond this size leaves are measured, and a response waits for other large ones.
LARGE: Final = 1_000_000
# The length of a text whose size is cached.
LONG: Final = 100
# A character takes six bytes at the most, as an escape.
ESCAPE: Final = 6
# An error takes as long to make as a hundred values.
MAX_ERRORS: Final = 5_000

_one_large_answer: Final = Lock()


class ResponseTooLargeError(OperationCancelledError):
    """The response would exceed the maximum bytes."""


class FieldCancelledError(Exception):
    """A mutation's field was cancelled; ``is_executed`` if what it changes is changed."""

    def __init__(self, cancelled: OperationCancelledError, *, is_executed: bool) -> None:
        """Carry the cancellation."""
        super().__init__(type(cancelled).__name__)
        self.cancelled = cancelled
        self.is_executed = is_executed


@dataclass(frozen=True, slots=True)
class Widths:
    """The bytes of a selection's object, without leaves counted by column."""

    # The bytes of keys and punctuation.
    structure: int
    # The most bytes of leaves that are bounded by their types or columns.
    bounded: int
    # The indexes of the other leaves, and of all.
    unbounded: Sequence[int]
    leaves: Sequence[int]


@dataclass(slots=True)
class Bounds:
    """The bounds of one operation, and its use of them."""

    max_bytes: int = maxsize
    deadline: Deadline | None = None
    # How often each object of the current level is in the response at most.
    repeats: int = 1
    # An upper bound of the response's bytes, and a lower bound once it is large.
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
        """Count a level of ``size`` objects, before they are assembled.

        Raises `ResponseTooLargeError`.
        """
        estimate = (widths.structure + widths.bounded) * size
        for index in widths.unbounded:
            estimate += _estimate(columns[index].cells)
        if self.estimate + estimate * self.repeats > min(LARGE, self.max_bytes):
            for index in widths.leaves:
                self.add_texts(columns[index].cells)
            estimate = widths.structure * size
            for index in widths.leaves:
                estimate += _measure(columns[index].cells)
        self.estimate += estimate * self.repeats

    def add_texts(self, cells: Sequence[Any]) -> None:
        """Count the bytes of texts at least. Raises `ResponseTooLargeError`."""
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
        """Count complete cells if the estimate is too large. Raises `ResponseTooLargeError`."""
        if self.estimate > self.max_bytes:
            self.count(cells)

    def count(self, cells: Sequence[Any]) -> None:
        """Count complete cells exactly. Raises `ResponseTooLargeError`."""
        known: dict[int, int] = {}
        self._complete += sum(_size(cell, known) for cell in cells)
        self.estimate = self._complete
        if self._complete > self.max_bytes:
            raise ResponseTooLargeError

    def mark(self) -> tuple[int, int, int]:
        """Return the use so far."""
        return self.estimate, self.texts, self._complete

    def restore(self, mark: tuple[int, int, int]) -> None:
        """Reset the use to a mark, because later objects were dropped."""
        self.estimate, self.texts, self._complete = mark

    def __enter__(self) -> Self:
        """Start the operation."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Release the lock for large responses."""
        if self._holds_lock:
            self._holds_lock = False
            _one_large_answer.release()

    def _wait_for_others(self) -> None:
        """Serialise large responses within the process, which bounds their memory."""
        if not self._holds_lock:
            timeout = -1 if self.deadline is None else self.deadline.remaining
            self._holds_lock = _one_large_answer.acquire(timeout=timeout)
            self.check_time()


def _estimate(cells: Sequence[Any]) -> int:
    """Return the most bytes of leaves."""
    if set(map(type, cells)) <= {str}:
        return ESCAPE * sum(map(len, cells))
    return _measure(cells)


def _measure(cells: Sequence[Any]) -> int:
    """Return the bytes of leaves, with a comma for each."""
    try:
        return len(orjson.dumps(cells))
    except TypeError:
        # There are errors among them, or values that serialisation will report.
        known: dict[int, int] = {}
        return len(cells) + sum(_size(cell, known) for cell in cells)


def _characters(cells: Sequence[Any]) -> int:
    """Return the least bytes of leaves."""
    types = set(map(type, cells))
    if types == {str}:
        return sum(map(len, cells))
    if types <= {str, type(None)}:
        return sum(map(len, filter(None, cells)))
    return _measure(cells)


def _size(value: Any, known: dict[int, int]) -> int:
    """Return the bytes of a value as JSON.

    A value that occurs many times is measured once; it must not change meanwhile.
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
        # Serialisation will report it.
        return len(repr(value))
