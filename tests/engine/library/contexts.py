"""Contexts: who asks the library."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self
from uuid import UUID

from engine.fields.loaders import DataLoader
from engine.sql.statements import Param
from tests.engine.library.tables import Author

LOADED: Final[list[Sequence[str]]] = []


def lengths(names: Sequence[str]) -> list[int]:
    LOADED.append(names)
    return [len(name) for name in names]


def _loader() -> DataLoader[str, int]:
    return DataLoader(lengths)


@dataclass
class Visitor:
    """A context without a visibility: its loader gets no levels."""

    name: str
    is_librarian: bool = False
    code: UUID | None = None
    loader: DataLoader[str, int] = field(default_factory=_loader)


@dataclass
class Reader(Visitor):
    """A context that declares its visibility: librarians see every loan."""

    def visibility(self) -> Hashable:
        return self.is_librarian

    def with_params(self) -> Self:
        params: dict[str, Any] = {"name": Param.named("name"), "code": Param.named("code")}
        return replace(self, **params)

    def values(self) -> Mapping[str, Any]:
        return {"name": self.name, "code": self.code}

    def expect(self, rows: Iterable[Any]) -> None:
        self.loader.expect(row.name for row in rows if isinstance(row, Author))
