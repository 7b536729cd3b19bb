"""`manage.py explain_operation`."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from schema.console.examples import OPERATIONS
from tests.support.factories import make_organization, make_session, node_id
from users.accounts.models import User


def explain(file: Any, **options: Any) -> str:
    output = io.StringIO()
    call_command("explain_operation", str(file), stdout=output, **options)
    return output.getvalue()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return tmp_path / "operation.graphql"


def test_shows_the_plan_each_statement_and_what_postgresql_makes_of_it(sam: User) -> None:
    organization = make_organization("Archers", sam)

    output = explain(
        OPERATIONS / "organizations" / "Organization.graphql",
        variables=json.dumps({"id": node_id(organization)}),
        user="Sam",
    )

    caching, plan, first, second, count, fourth = output.split("\n\n")
    assert caching == "Cached. Depends on the requester and 1 other entities."
    assert plan.startswith("Plan\n  organization (Organization): statement\n")
    assert "\n      totalCount (TotalCount!): resolver\n" in plan
    assert first.startswith("Statement 1: Query.organization, compiled; parameters 2, rows 1, ")
    assert '\n  SELECT "organizations_organization"."name"' in first
    assert second.startswith("Statement 2: Organization.members, compiled; parameters 1, rows 1, ")
    assert "Limit  (cost=" in second
    assert count.startswith("Statement 3: a resolver, not by the engine; parameters 1, rows 1, ")
    assert fourth.startswith("Statement 4: Organization.invitations, compiled; ")
    assert "actual time" not in output


def test_runs_the_statements_if_they_are_to_be_analyzed(sam: User, document: Path) -> None:
    document.write_text("{ users(first: 2) { nodes { permissions } } }", encoding="utf-8")

    output = explain(document, user="sam", analyze=True)

    assert output.count("Execution Time: ") == 2
    assert "Statement 2: User: permissions, not by the engine; " in output
    assert "\nLoader User: permissions: 1 keys, " in output


def test_names_the_type_of_a_node_that_is_not_cached(alice: User, document: Path) -> None:
    document.write_text("query ($id: ID!) { node(id: $id) { id } }", encoding="utf-8")
    session = make_session(alice)

    outputs = [
        explain(document, user="alice", variables=json.dumps({"id": node_id(each)}))
        for each in (session, alice)
    ]

    assert outputs[0].startswith("Not cached: Query.node of Session declares no dependency.\n")
    assert outputs[1].startswith("Cached. Depends on the requester and 1 other entities.\n")


@pytest.mark.django_db
def test_reads_standard_input_and_reports_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("{ me { id } users(first: 1) { nodes { id } } }"))

    output = explain("-")

    # The actor is anonymous without `--user`.
    assert output.startswith("Not cached: Query.users declares no dependency.\n\nPlan\n")
    assert "Statement" not in output
    assert output.endswith("\nError at users: Sign in to do this.\n")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("{ me { id ", {}, "Syntax Error: Expected Name, found <EOF>"),
        ("{ you { id } }", {}, "Cannot query field 'you' on type 'Query'"),
        ("mutation { logOut { errors { code } } }", {}, "Mutations cannot be explained"),
        ("{ __schema { queryType { name } } }", {}, "leaves this to graphql-core: __schema"),
        ("query A { me { id } } query B { me { id } }", {}, "which operation is meant"),
        ("query A { me { id } }", {"operation": "C"}, "which operation is meant"),
        ("{ me { id } }", {"user": "zoe"}, "There is no user zoe."),
        ("{ me { id } }", {"variables": "{"}, "--variables is not valid JSON"),
        ("{ me { id } }", {"variables": "[]"}, "--variables must be a JSON object."),
        ("query ($id: ID!) { user(id: $id) { id } }", {}, r"Variable '\$id' has invalid value"),
    ],
)
def test_refuses_what_cannot_be_explained(
    document: Path, text: str, options: dict[str, Any], problem: str
) -> None:
    document.write_text(text, encoding="utf-8")

    with pytest.raises(CommandError, match=problem):
        explain(document, **options)


def test_refuses_a_missing_file(document: Path) -> None:
    with pytest.raises(CommandError, match=r"operation\.graphql cannot be read: .*No such file"):
        explain(document)


def test_mutations_are_not_executed(alice: User, document: Path) -> None:
    document.write_text(
        'mutation { updateProfile(input: {bio: "changed"}) { errors { code } } }', encoding="utf-8"
    )

    with pytest.raises(CommandError, match="Mutations cannot be explained"):
        explain(document, user="alice")

    alice.profile.refresh_from_db()
    assert alice.profile.bio == ""
