"""Generates the models and the typed operations from schema.graphql and docs/operations.

Runs in this folder, in the environment of requirements.lock.
"""

import ast
import re
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

from ariadne_codegen.config import get_config_dict
from ariadne_codegen.main import client
from ariadne_codegen.plugins.base import Plugin
from graphql import OperationDefinitionNode, OperationType, TokenKind

GENERATED: Final = Path("src/roster_client/generated")
# Operations whose tokens belong into the storage: the client has methods for them.
FLOWS: Final = frozenset(
    {"log_in", "log_in_with_passkey", "log_out", "refresh_tokens", "verify_second_factor"}
)
# Modules of which users of the package need no names.
INTERNAL: Final = frozenset({"async_operations", "base", "base_model", "documents"})
SYNC: Final = {
    "async def ": "def ",
    "await ": "",
    "AsyncOperations": "Operations",
    "AsyncBaseClient": "BaseClient",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


class RosterPlugin(Plugin):
    """Makes each operation a method that calls `request` and has a description."""

    def generate_client_import(self, import_: ast.ImportFrom) -> ast.ImportFrom:
        """Import the base class from its place."""
        if import_.module == "base":
            import_.level = 2
        return with_names_of_data(import_)

    def generate_client_class(self, class_def: ast.ClassDef) -> ast.ClassDef:
        """Leave out the flows."""
        methods = [
            item for item in class_def.body if isinstance(item, Function) and item.name not in FLOWS
        ]
        description = ast.Expr(ast.Constant("A method for each of the documented operations."))
        class_def.body = [description, *methods]
        return class_def

    def generate_client_method(
        self, method_def: Function, operation_definition: OperationDefinitionNode
    ) -> Function:
        """Replace the body by a call of `request`; arguments that are None are left out."""
        arguments = method_def.args
        arguments.kwarg = None
        arguments.defaults = [ast.Constant(None) for _unset in arguments.defaults]
        for argument in arguments.args:
            if argument.annotation:
                text = ast.unparse(argument.annotation)
                argument.annotation = expression(re.sub(r"Union\[(.+), UnsetType\]", r"\1", text))
        call = "await self.request({}, {}, {})"
        if operation_definition.operation is OperationType.QUERY:
            arguments.kwonlyargs = [ast.arg("max_age", expression("Optional[int]"))]
            arguments.kw_defaults = [ast.Constant(None)]
            call = "await self.request({}, {}, {}, max_age=max_age)"
        body = ast.unparse(method_def)
        request = call.format(
            searched(r"query=(\w+)", body),
            searched(r"(\w+)\.model_validate", body) + "Data",
            searched(r"variables: dict\[str, object\] = (\{.*?\})", body),
        )
        description = ast.Expr(ast.Constant(description_of(operation_definition)))
        method_def.body = [description, ast.Return(expression(request))]
        return method_def

    def generate_client_module(self, module: ast.Module) -> ast.Module:
        """Rename the data that a method returns whole, because it has several fields."""
        for method in ast.walk(module):
            match method:
                case ast.AsyncFunctionDef(
                    body=[*_, ast.Return(ast.Await())], returns=ast.Name(name)
                ):
                    method.returns = expression(f"{name}Data")
        return module

    def generate_enums_module(self, module: ast.Module) -> ast.Module:
        """Accept values that newer services add."""
        enums = [item for item in module.body if isinstance(item, ast.ClassDef)]
        for enum in enums:
            enum.bases = [expression("OpenEnum")]
        module.body = [ast.ImportFrom("enums", [ast.alias("OpenEnum")], level=2), *enums]
        return module

    def generate_init_module(self, module: ast.Module) -> ast.Module:
        """Export the models only."""
        imports = [
            item
            for item in module.body
            if isinstance(item, ast.ImportFrom) and item.module not in INTERNAL
        ]
        renamed = [with_names_of_data(item) for item in imports]
        names = sorted({alias.asname or alias.name for item in renamed for alias in item.names})
        module.body = [*renamed, *ast.parse(f"__all__ = {names}").body]
        return ast.fix_missing_locations(module)


def with_names_of_data(import_: ast.ImportFrom) -> ast.ImportFrom:
    """Import the whole data of an operation, the class named after its module, as `…Data`.

    An input may have the operation's name.
    """
    for alias in import_.names:
        if alias.name.lower() == (import_.module or "").replace("_", ""):
            alias.asname = f"{alias.name}Data"
    return import_


def expression(text: str) -> ast.expr:
    """Parse an expression."""
    return ast.parse(text, mode="eval").body


def searched(pattern: str, text: str) -> str:
    """Return the group of a pattern that the text has."""
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"{pattern} is not in:\n{text}")
    return found[1]


def description_of(operation: OperationDefinitionNode) -> str:
    """Return the comment above an operation."""
    comment = operation.loc.start_token.prev if operation.loc else None
    if comment is None or comment.value is None or comment.kind is not TokenKind.COMMENT:
        raise ValueError(f"An operation has no comment: {operation.name}")
    return comment.value.strip()


def main() -> None:
    """Write the package `generated`."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    with redirect_stdout(StringIO()):
        client(get_config_dict())  # type: ignore[no-untyped-call]
    (GENERATED / "base.py").unlink()
    text = (GENERATED / "async_operations.py").read_text(encoding="utf-8")
    for is_async, is_sync in SYNC.items():
        text = text.replace(is_async, is_sync)
    (GENERATED / "operations.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
