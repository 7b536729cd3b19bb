"""Tables that are partitioned by month, by a primary key that is a UUIDv7.

Ids grow with time, so a month is a range of ids, and the primary key has the partition key. A
partition `…_until_202701` has the ids of before that month that no earlier one has. Migrations
declare a table with `MonthlyPartitions`. Functions of `activity/0011_partitions` create partitions
ahead and drop expired ones, because the service does not own its tables.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db.migrations import RunSQL

# The constraint by which PostgreSQL knows, without reading it, that a table fits a partition.
BOUND: Final = "rows_before_first_partition"

# The smallest id of a moment; its other bits are lower than those of any UUIDv7.
FIRST_ID: Final = """
    CREATE OR REPLACE FUNCTION first_id_at(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT AS $$
        SELECT rpad(
            lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0'
        )::uuid
    $$
"""


@dataclass(frozen=True, slots=True)
class MonthlyPartitions:
    """A table that a migration converts.

    ``indexes`` have by name what follows the table in `CREATE INDEX`, and ``triggers`` the
    statements that create them.
    """

    table: str
    key: str
    indexes: Mapping[str, str]
    triggers: Mapping[str, str] = field(default_factory=dict)

    def operations(self) -> Iterator[RunSQL]:
        """Yield operations of a migration that is not atomic; each can be repeated.

        Rows are not copied: the table becomes the first partition. Only the second operation reads
        it, and holds up nothing meanwhile.
        """
        yield RunSQL(self._if_plain(self._bound), RunSQL.noop)
        yield RunSQL(
            self._if_plain(f"ALTER TABLE {self.table} VALIDATE CONSTRAINT {BOUND};"), RunSQL.noop
        )
        yield RunSQL(self._if_plain(self._convert), self._revert)

    def _if_plain(self, statements: str) -> str:
        return f"""
            DO $do$
            DECLARE
                bound timestamptz := date_trunc('month', now(), 'UTC') + interval '2 months';
                first text := '{self.table}_until_' || to_char(bound AT TIME ZONE 'UTC', 'YYYYMM');
                acl record;
            BEGIN
                IF (SELECT relkind FROM pg_class WHERE oid = '{self.table}'::regclass) = 'r' THEN
                    {statements}
                END IF;
            END
            $do$
        """  # noqa: S608 - of declarations

    @property
    def _bound(self) -> str:
        """The promise that all rows are of before the month after the next one."""
        return f"""
            ALTER TABLE {self.table} DROP CONSTRAINT IF EXISTS {BOUND};
            EXECUTE format(
                'ALTER TABLE {self.table} ADD CONSTRAINT {BOUND} CHECK ({self.key} < %L) NOT VALID',
                first_id_at(bound)
            );
        """

    @property
    def _convert(self) -> str:
        """Rename the table, and attach it to a new one with its name."""
        # As PostgreSQL names the indexes of a partition.
        renamed = "\n".join(
            f"""
            EXECUTE format('ALTER INDEX {name} RENAME TO %I', (
                SELECT concat_ws('_', first, string_agg(attname, '_' ORDER BY attnum), 'idx')
                FROM pg_attribute WHERE attrelid = '{name}'::regclass
            ));
            """  # noqa: S608 - of declarations
            for name in self.indexes
        )
        created = "\n".join(
            f"CREATE INDEX {name} ON {self.table} {definition};"
            for name, definition in self.indexes.items()
        )
        dropped = "\n".join(
            f"EXECUTE format('DROP TRIGGER {name} ON %I', first);" for name in self.triggers
        )
        return f"""
            EXECUTE format('ALTER TABLE {self.table} RENAME TO %I', first);
            EXECUTE format('ALTER INDEX {self.table}_pkey RENAME TO %I', first || '_pkey');
            {renamed}
            EXECUTE format(
                'CREATE TABLE {self.table} (LIKE %I INCLUDING DEFAULTS, PRIMARY KEY ({self.key}))'
                ' PARTITION BY RANGE ({self.key})', first
            );
            {created}
            {dropped}
            EXECUTE format(
                'ALTER TABLE {self.table} ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)',
                first, first_id_at(bound)
            );
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT {BOUND}', first);
            FOR acl IN
                SELECT privilege_type, grantee::regrole FROM pg_class, aclexplode(relacl)
                WHERE oid = first::regclass AND grantee <> 0
            LOOP
                EXECUTE format('GRANT %s ON {self.table} TO %s', acl.privilege_type, acl.grantee);
                EXECUTE format('REVOKE %s ON %I FROM %s', acl.privilege_type, first, acl.grantee);
            END LOOP;
            {self._triggers_sql}
        """  # noqa: S608 - of declarations

    @property
    def _triggers_sql(self) -> str:
        return ";\n".join((*self.triggers.values(), ""))

    @property
    def _revert(self) -> str:
        """Copy the rows into a plain table again."""
        created = ";\n".join(
            f"CREATE INDEX {name} ON {self.table} {definition}"
            for name, definition in self.indexes.items()
        )
        return f"""
            CREATE TABLE {self.table}_plain (LIKE {self.table} INCLUDING DEFAULTS);
            INSERT INTO {self.table}_plain TABLE {self.table};
            DROP TABLE {self.table};
            ALTER TABLE {self.table}_plain RENAME TO {self.table};
            ALTER TABLE {self.table} ADD CONSTRAINT {self.table}_pkey PRIMARY KEY ({self.key});
            {created};
            {self._triggers_sql}
        """
