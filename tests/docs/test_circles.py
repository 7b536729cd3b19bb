"""No module and no package depends on itself, imports for type checking included."""

from collections import defaultdict
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import grimp
import pytest

PACKAGES = ("engine", "core", "users", "schema")
Graph = Mapping[str, set[str]]


@pytest.fixture(scope="module")
def imports() -> Graph:
    """Return the modules that each module imports directly."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circle_of(graph: Graph) -> list[tuple[str, str]]:
    """Return the imports of a circle, importer first; none if there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [(importer, imported) for imported, importer in pairwise(error.args[1])]
    return []


def child_of(package: str, module: str) -> str:
    """Return the package's child that a module belongs to, or ""."""
    inside = module.removeprefix(f"{package}.")
    return "" if inside == module else inside.split(".", 1)[0]


def imports_between_children(package: str, imports: Graph) -> Graph:
    """Return which children of a package import, by any module in them, which others."""
    graph: dict[str, set[str]] = defaultdict(set)
    for importer, modules in imports.items():
        child = child_of(package, importer)
        if child:
            graph[child] |= {child_of(package, each) for each in modules} - {child, ""}
    return graph


def test_circles_are_found() -> None:
    line = {"a.b.c": {"a.d.e"}, "a.d.e": {"a.d.f"}, "a.d.f": set[str](), "a.b.g": set[str]()}
    circle = line | {"a.d.f": {"a.b.g"}}

    assert circle_of(line) == []
    assert circle_of(imports_between_children("a", line)) == []
    # No module depends on itself, but the packages do.
    assert circle_of(circle) == []
    assert set(circle_of(imports_between_children("a", circle))) == {("b", "d"), ("d", "b")}
    assert len(circle_of({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == 3


def test_no_module_depends_on_itself(imports: Graph) -> None:
    assert len(imports) > 400
    assert circle_of(imports) == []


def test_no_package_depends_on_itself(imports: Graph) -> None:
    packages = {module.rpartition(".")[0] for module in imports} - {""}
    assert packages >= set(PACKAGES)
    circles = {each: circle_of(imports_between_children(each, imports)) for each in packages}
    assert {package: circle for package, circle in circles.items() if circle} == {}
