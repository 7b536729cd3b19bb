"""Private names of libraries are used with the releases that they were checked for."""

from importlib.metadata import version

import pytest

from engine.internals import graphql_core, psycopg, strawberry
from engine.internals.versions import require_version
from engine.options import MissingCodec, Options


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("psycopg", psycopg.VERSION),
        ("graphql-core", graphql_core.VERSION),
        ("strawberry-graphql", strawberry.VERSION),
        ("strawberry-graphql-django", strawberry.DJANGO_VERSION),
    ],
)
def test_only_checked_releases_are_accepted(distribution: str, expected: str) -> None:
    require_version(distribution, expected, "engine.internals.sample")
    with pytest.raises(ImportError) as raised:
        require_version(distribution, "1.2", "engine.internals.sample")
    assert str(raised.value) == (
        f"engine.internals.sample uses private names of {distribution} 1.2, but"
        f" {version(distribution)} is installed. Check each function of engine.internals.sample"
        f" against {version(distribution)}, run the tests and `make test-engine`, then change the"
        " version in that module."
    )


def test_cursors_need_a_codec() -> None:
    codec = Options(cursor_codec=MissingCodec()).cursor_codec
    with pytest.raises(RuntimeError, match="Cursors need a codec"):
        codec.seal(b"", "")
    with pytest.raises(RuntimeError, match="Cursors need a codec"):
        codec.unseal("", "")
