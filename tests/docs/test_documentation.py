"""The documentation matches the schema, the settings and the generated reference."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    validate,
)

from schema.console.examples import example_operations

ROOT = Path(__file__).resolve().parents[2]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def published_schema() -> GraphQLSchema:
    """Return the schema of `schema.graphql`."""
    return build_schema(read("schema.graphql"))


@pytest.mark.parametrize("operation", example_operations(), ids=lambda item: item["name"])
def test_documented_operations_are_valid_and_described(operation: dict[str, Any]) -> None:
    document = parse(operation["document"])

    assert validate(published_schema(), document) == []
    assert f" {operation['name']}" in operation["document"]
    assert operation["description"].endswith((".", "?"))
    variables = {
        variable.variable.name.value
        for definition in document.definitions
        for variable in getattr(definition, "variable_definitions", None) or ()
    }
    assert set(json.loads(operation["variables"] or "{}")) == variables


def test_every_documented_operation_is_listed() -> None:
    files = [path.stem for path in (ROOT / "docs/operations").glob("*/*") if path.is_file()]

    assert sorted(files) == sorted(operation["name"] for operation in example_operations())


def test_every_root_field_has_a_documented_operation() -> None:
    schema = published_schema()
    documented = {
        selection.name.value
        for operation in example_operations()
        for definition in parse(operation["document"]).definitions
        if isinstance(definition, OperationDefinitionNode)
        for selection in definition.selection_set.selections
        if isinstance(selection, FieldNode)
    }
    query, mutation = schema.query_type, schema.mutation_type
    assert query is not None
    assert mutation is not None

    assert documented == {*query.fields, *mutation.fields}


def test_everything_in_the_schema_is_described() -> None:
    described = {
        name: item
        for name, item in published_schema().type_map.items()
        if not is_introspection_type(item) and not is_specified_scalar_type(item)
    }
    for name, type_ in list(described.items()):
        if isinstance(type_, GraphQLEnumType):
            described |= {f"{name}.{key}": value for key, value in type_.values.items()}
        for key, field in getattr(type_, "fields", {}).items():
            described[f"{name}.{key}"] = field
            for argument, item in getattr(field, "args", {}).items():
                described[f"{name}.{key}({argument}:)"] = item
    scalars = [item for item in described.values() if isinstance(item, GraphQLScalarType)]

    assert {"User", "Role.OWNER", "SignUpInput.email", "Query.users(last:)"} <= set(described)
    assert [name for name, item in described.items() if not item.description] == []
    assert scalars
    assert [scalar.name for scalar in scalars if not scalar.specified_by_url] == []


def test_every_setting_is_documented() -> None:
    sources = "".join(
        map(read, ("core/settings.py", "core/configuration/logs.py", "gunicorn.conf.py"))
    )
    names = set(re.findall(r'env\.\w+\(\s*"(\w+)"', sources))
    documented = read("docs/configuration.md")

    assert len(names) > 20
    # DEMO_MAILBOX is internal to `make run` and its child processes.
    assert [name for name in names - {"DEMO_MAILBOX"} if f"`{name}`" not in documented] == []


def test_reference_is_checked(tmp_path: Path) -> None:
    call_command("print_reference", check=ROOT / "docs/reference.md")
    outdated = tmp_path / "reference.md"
    outdated.write_text(read("docs/reference.md").replace("`NOT_FOUND`", ""), encoding="utf-8")
    with pytest.raises(CommandError, match="run `make reference`"):
        call_command("print_reference", check=outdated)


def test_documented_role_has_the_connection_settings() -> None:
    options = re.findall(r"-c (\w+)=", settings.DATABASES["default"]["OPTIONS"]["options"])

    documented = re.findall(r"(?m)^ALTER ROLE roster SET (\w+) = .+;$", read("docs/deployment.md"))

    assert documented == options
