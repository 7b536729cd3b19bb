"""Triggers by which changed rows touch entities, as SQL for migrations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.migrations import RunSQL

# The names of the transition tables, which have all rows of a statement.
ROWS: Final = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
PREFIX: Final = "touch_after_"


@dataclass(frozen=True, slots=True)
class TouchTriggers:
    """The triggers of one table, one for each operation, after each statement.

    ``function`` touches an array of keys, which are SQL expressions on a row. With ``columns``, an
    UPDATE counts only if it changes one of these; they identify the row and have the keys.
    """

    table: str
    function: str
    keys: Sequence[str]
    columns: Sequence[str] = ()

    @property
    def procedure(self) -> str:
        """The name of the trigger function."""
        return f"touch_by_{self.table}"

    @property
    def body(self) -> str:
        """The code of the trigger function."""
        keys = self.keys[0] if len(self.keys) == 1 else f"unnest(ARRAY[{', '.join(self.keys)}])"
        return f"""
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM {self.function}(ARRAY(SELECT {keys} FROM new_rows));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM {self.function}(ARRAY(SELECT {keys} FROM old_rows));
    ELSE
        PERFORM {self.function}(ARRAY(
            SELECT {keys} FROM (TABLE old_rows UNION ALL TABLE new_rows) AS changed
            {self._changed}
        ));
    END IF;
    RETURN NULL;
END
"""  # noqa: S608 - of declarations

    @property
    def _changed(self) -> str:
        """The condition for rows that an UPDATE changes."""
        if not self.columns:
            return ""
        # A row that is the same before and after counts twice. A join of both transition tables
        # could be planned as a nested loop, which takes the square of the number of rows.
        return f"GROUP BY {', '.join(self.columns)} HAVING count(*) = 1"

    @property
    def definitions(self) -> dict[str, str]:
        """The statements that create the triggers, by name, in PostgreSQL's own form."""
        return {
            f"{PREFIX}{operation}": (
                f"CREATE TRIGGER {PREFIX}{operation} AFTER {operation.upper()} ON {self.table}"
                f" REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {self.procedure}()"
            )
            for operation, rows in ROWS.items()
        }

    @property
    def create_sql(self) -> str:
        """The statements that create the triggers; they may be repeated."""
        # A plan for the number of rows would be made with every statement (300 of 500 µs).
        function = (
            f"CREATE OR REPLACE FUNCTION {self.procedure}() RETURNS trigger LANGUAGE plpgsql"
            f" SET plan_cache_mode = force_generic_plan AS $${self.body}$$"
        )
        triggers = [
            definition.replace("CREATE", "CREATE OR REPLACE", 1)
            for definition in self.definitions.values()
        ]
        return ";\n".join((function, *triggers))

    @property
    def drop_sql(self) -> str:
        """The statement that drops the function with its triggers."""
        return f"DROP FUNCTION {self.procedure} CASCADE"


def create_triggers(*tables: TouchTriggers) -> Iterator[RunSQL]:
    """Yield reversible operations of a migration, one for each table.

    The migration should not be atomic, so that it locks one table at a time.
    """
    for table in tables:
        yield RunSQL(table.create_sql, table.drop_sql)
