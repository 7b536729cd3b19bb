"""Explain how the engine and PostgreSQL execute an operation."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from graphql import ExecutionResult, GraphQLError

from core.security.actor import ANONYMOUS, Actor
from engine.fields.dependencies import NotCacheableError
from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from engine.trace import Step, Trace
from schema.context import Context
from schema.documents.document import document
from schema.entities import SINGLETONS
from schema.http.execution import prepare, problems
from users.accounts.models import User


class Command(BaseCommand):
    """Executes a query as any user, without a request, and prints plan and statements."""

    help = (
        "Shows the engine's plan of a query, and each of its statements with PostgreSQL's plan. "
        "The query is executed, because the rows of a list determine the statements below it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the document, the user and the variables."""
        parser.add_argument("file", help="The GraphQL document; - reads it from standard input.")
        parser.add_argument("--variables", default="{}", help="A JSON object.")
        parser.add_argument("--operation", help="Name of the operation to explain.")
        parser.add_argument("--user", help="Username of the actor. Default: anonymous.")
        parser.add_argument(
            "--analyze",
            action="store_true",
            help="Execute the statements again with EXPLAIN (ANALYZE, BUFFERS).",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Execute and print. Raises `CommandError` for an operation the engine does not execute."""
        operation = _operation(_text(options["file"]), options["operation"])
        variables = _variables(options["variables"])
        trace = Trace()
        context = Context(actor=_actor(options["user"]), trace=trace)
        with trace.record_statements():
            try:
                result = operation.execute(variables, context, trace=trace)
            except NotPlannableError as error:
                raise _not_planned(error) from None
        if trace.explain is None:
            raise CommandError(_texts(result.errors or []))
        self.stdout.write(_caching(operation, variables, context))
        for line in _report(trace, result, analyze=options["analyze"]):
            self.stdout.write(line)


def _text(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {error}") from None


def _variables(text: str) -> dict[str, Any]:
    try:
        variables = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CommandError(f"--variables is not valid JSON: {error}") from None
    if not isinstance(variables, dict):
        raise CommandError("--variables must be a JSON object.")
    return variables


def _actor(username: str | None) -> Actor:
    if username is None:
        return ANONYMOUS
    user = User.objects.filter(username=username.lower()).first()
    if user is None:
        raise CommandError(f"There is no user {username}.")
    return Actor(user_id=user.pk, is_staff=user.is_staff, is_superuser=user.is_superuser)


def _operation(source: str, name: str | None) -> CompiledOperation:
    try:
        found = document(source)
        errors = problems(found)
        if errors:
            raise CommandError(_texts(errors))
        operation = prepare(found, name)
    except GraphQLError as error:
        raise CommandError(_texts([error])) from None
    except NotPlannableError as error:
        raise _not_planned(error) from None
    if operation.is_mutation:
        raise CommandError("Mutations cannot be explained, because that would execute them.")
    return operation


def _not_planned(error: NotPlannableError) -> CommandError:
    return CommandError(f"The engine leaves this to graphql-core: {error}")


def _texts(errors: list[GraphQLError]) -> str:
    return "\n".join(map(str, errors))


def _report(trace: Trace, result: ExecutionResult, *, analyze: bool) -> Iterator[str]:
    yield "\nPlan"
    yield from (f"  {line}" for line in trace.plan())
    for number, step in enumerate(trace.steps, 1):
        yield from ("", f"Statement {number}: {_headline(step)}", f"  {step.sql}")
        yield from (f"    {line}" for line in _explained(step, analyze=analyze))
    for batch in trace.batches:
        yield from ("", f"Loader {batch.loader}: {batch.keys} keys, {batch.milliseconds} ms")
    for error in result.errors or ():
        yield from ("", f"Error at {'.'.join(map(str, error.path or ()))}: {error.message}")


def _caching(operation: CompiledOperation, variables: dict[str, Any], context: Context) -> str:
    """Return whether answers are cached, and why not."""
    try:
        count = len(operation.dependencies(variables, context, SINGLETONS))
    except NotCacheableError as error:
        return f"Not cached: {error}"
    return f"Cached. Depends on the requester and {count} other entities."


def _headline(step: Step) -> str:
    compiled = {
        None: "not by the engine",
        True: "compiled",
        False: f"recompiled: {step.reason}",
    }
    return (
        f"{step.reads or 'a resolver'}, {compiled[step.is_compiled]};"
        f" parameters {len(step.params or ())}, rows {step.rows}, {step.milliseconds} ms"
    )


def _explained(step: Step, *, analyze: bool) -> list[str]:
    """Return PostgreSQL's plan of a statement, for its parameters."""
    if not step.sql.startswith(("SELECT", "(SELECT", "WITH")):
        return ["(not explained: not a query)"]
    options = "ANALYZE, BUFFERS" if analyze else "COSTS"
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}) {step.sql}", step.params)
        return [line for (line,) in cursor.fetchall()]
