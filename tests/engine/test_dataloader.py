"""The DataLoader: batches, caches, and answers in order."""

from collections.abc import Sequence
from typing import Any

import pytest

from engine.fields.loaders import DataLoader


class Source:
    """A batch function that doubles numbers, refuses negative ones, and records its calls."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, keys: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(keys))
        return [2 * key if key >= 0 else LookupError(str(key)) for key in keys]


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def loader(source: Source) -> DataLoader[int, int]:
    return DataLoader(source)


def test_expected_keys_are_loaded_in_one_batch(
    loader: DataLoader[int, int], source: Source
) -> None:
    loader.expect([1, 2])
    loader.expect(iter([3]))
    assert source.batches == []
    assert [loader.load(key) for key in (3, 1, 2)] == [6, 2, 4]
    assert source.batches == [[1, 2, 3]]


def test_unexpected_key_joins_the_batch(loader: DataLoader[int, int], source: Source) -> None:
    loader.expect([1, 2])
    assert loader.load(9) == 18
    assert loader.load(2) == 4
    assert source.batches == [[1, 2, 9]]


def test_key_is_fetched_once(loader: DataLoader[int, int], source: Source) -> None:
    assert [loader.load(1), loader.load(1)] == [2, 2]
    loader.expect([1])
    assert loader.load(1) == 2
    assert source.batches == [[1]]


def test_keys_expected_later_are_not_fetched_before_one_is_needed(
    loader: DataLoader[int, int], source: Source
) -> None:
    assert loader.load(1) == 2
    loader.expect([1, 2, 3])
    assert loader.load(1) == 2
    assert source.batches == [[1]]
    assert loader.load(3) == 6
    assert source.batches == [[1], [2, 3]]


def test_load_many_keeps_order_and_duplicates(loader: DataLoader[int, int], source: Source) -> None:
    loader.expect([7])
    assert loader.load_many([3, 1, 3, 2, 1]) == [6, 2, 6, 4, 2]
    assert source.batches == [[7, 3, 1, 2]]
    assert loader.load_many([1, 4]) == [2, 8]
    assert source.batches == [[7, 3, 1, 2], [4]]


def test_load_many_of_nothing_fetches_nothing(loader: DataLoader[int, int], source: Source) -> None:
    loader.expect([1])
    assert loader.load_many([]) == []
    assert source.batches == []


def test_error_is_cached_per_key_until_cleared(
    loader: DataLoader[int, int], source: Source
) -> None:
    loader.expect([1, -1, 2])
    for _time in range(2):
        with pytest.raises(LookupError, match=r"^-1$"):
            loader.load(-1)
    assert (loader.load(1), loader.load(2)) == (2, 4)
    assert source.batches == [[1, -1, 2]]
    with pytest.raises(LookupError, match=r"^-1$"):
        loader.clear(-1).load(-1)
    assert source.batches == [[1, -1, 2], [-1]]


def test_load_many_answers_with_values_and_errors(
    loader: DataLoader[int, int], source: Source
) -> None:
    loader.prime(4, LookupError("primed"))
    answers = loader.load_many([1, -1, 4, -1, 2])
    assert list(map(repr, answers)) == [
        *("2", "LookupError('-1')", "LookupError('primed')", "LookupError('-1')", "4"),
    ]
    assert source.batches == [[1, -1, 2]]


def test_error_has_the_same_traceback_each_time() -> None:
    def fail(_keys: Sequence[int]) -> Sequence[int]:
        raise ConnectionError

    loader = DataLoader(fail)
    depths = []
    for _time in range(3):
        with pytest.raises(ConnectionError) as caught:
            loader.load(1)
        depths.append([entry.name for entry in caught.traceback])
    assert depths[0] == depths[1] == depths[2]
    assert depths[0][-1] == "fail"


def test_primed_value_is_not_fetched(loader: DataLoader[int, int], source: Source) -> None:
    loader.prime(1, 100)
    loader.expect([1, 2])
    assert (loader.load(1), loader.load(2)) == (100, 4)
    assert source.batches == [[2]]


def test_priming_does_not_replace_what_is_there(
    loader: DataLoader[int, int], source: Source
) -> None:
    assert loader.load(1) == 2
    loader.prime(1, 100)
    assert loader.load(1) == 2
    loader.prime(2, 200)
    loader.prime(2, 300)
    assert loader.load(2) == 200
    assert source.batches == [[1]]


def test_priming_with_an_error_raises_it(loader: DataLoader[int, int]) -> None:
    loader.prime(1, LookupError("primed"))
    with pytest.raises(LookupError, match=r"^primed$"):
        loader.load(1)


def test_cleared_key_is_fetched_again(loader: DataLoader[int, int], source: Source) -> None:
    loader.load_many([1, 2])
    loader.clear(1).clear(99)
    assert loader.load_many([2, 1]) == [4, 2]
    assert source.batches == [[1, 2], [1]]
    assert loader.clear(1).prime(1, 100).load(1) == 100


def test_all_keys_are_cleared(loader: DataLoader[int, int], source: Source) -> None:
    loader.load_many([1, 2, -1])
    assert [key in loader.clear_all() for key in (1, 2, -1)] == [False, False, False]
    assert loader.load(2) == 4
    assert source.batches == [[1, 2, -1], [2]]


@pytest.mark.parametrize("answer", [None, {1: 1, 2: 2}, iter([1, 2]), "12", 3, [], [1], [1, 2, 3]])
def test_wrong_number_of_values_fails_every_key(answer: Any) -> None:
    loader: DataLoader[int, int] = DataLoader(lambda _keys: answer)
    loader.prime(3, 30)
    loader.expect([1, 2])
    for key in (1, 2):
        with pytest.raises(TypeError, match="The batch function answered"):
            loader.load(key)
    assert loader.load(3) == 30


def test_none_is_not_a_key(loader: DataLoader[Any, int], source: Source) -> None:
    with pytest.raises(TypeError, match="not None"):
        loader.load(None)
    with pytest.raises(TypeError, match="not None"):
        loader.load_many([1, None])
    assert source.batches == []


def test_batch_exception_fails_every_key_until_cleared() -> None:
    calls: list[list[int]] = []

    def fail_once(keys: Sequence[int]) -> Sequence[int | Exception]:
        calls.append(list(keys))
        if len(calls) == 1:
            raise ConnectionError
        return keys

    loader = DataLoader(fail_once).prime(4, 4)
    loader.expect([1, 2, 4])
    for key in (1, 2, 1):
        with pytest.raises(ConnectionError):
            loader.load(key)
    assert calls == [[1, 2]]
    # Other batches are not concerned, nor is what was there.
    assert (loader.load(3), loader.load(4)) == (3, 4)
    assert loader.clear(1).load(1) == 1
    assert calls == [[1, 2], [3], [1]]


def test_loaders_share_nothing(source: Source) -> None:
    first, second = DataLoader(source), DataLoader(source)
    first.expect([1, 2])
    assert (first.load(1), second.load(1)) == (2, 2)
    assert source.batches == [[1, 2], [1]]
