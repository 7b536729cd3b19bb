"""Rows for the other tables of the admin, in addition to the generated users.

The numbers of rows are typical of a million users and proportional to the number of users. All rows
derive from existing ones and belong to users spread over the whole directory.
"""

from collections.abc import Sequence
from typing import Final, LiteralString

import psycopg

from bench.dataset import Dataset

# Statements by table. `%(n)s` is a fifth of the number of users.
VOLUME: Final[Sequence[tuple[str, LiteralString]]] = (
    (
        "secondary addresses",
        """
        INSERT INTO accounts_emailaddress (user_id, email, verified_at)
        SELECT id, 'other.' || email, date_joined
        FROM (SELECT * FROM accounts_user ORDER BY md5(username) LIMIT %(n)s) AS picked
        """,
    ),
    (
        "metadata",
        """
        INSERT INTO accounts_metadata (user_id, public, private)
        SELECT id,
            jsonb_build_object('plan', (ARRAY['free', 'team'])[1 + ascii(username) %% 2]),
            jsonb_build_object('crm', jsonb_build_object('id', id))
        FROM (SELECT * FROM accounts_user ORDER BY md5(email) LIMIT %(n)s * 2) AS picked
        """,
    ),
    (
        "service accounts",
        """
        WITH made AS (
            INSERT INTO accounts_user (id, username, email, name, password, is_active, is_staff,
                is_superuser, is_public, is_service, date_joined)
            SELECT uuidv7(), 'robot-' || number, 'robot-' || number || '@service.invalid',
                'Robot ' || number, '!none', number %% 20 > 0, false, false, false, true, now()
            FROM generate_series(1, %(n)s / 10) AS number
            RETURNING id
        ), profiles AS (
            INSERT INTO accounts_profile (user_id, bio, website, locale, time_zone)
            SELECT id, '', '', 'en', 'UTC' FROM made
        )
        INSERT INTO accounts_lastseen (user_id) SELECT id FROM made
        """,
    ),
    (
        "API tokens",
        """
        INSERT INTO authentication_apitoken (id, user_id, name, digest, scopes, created_at,
            expires_at, last_used_at)
        SELECT uuidv7(), id, 'Deployment', sha256(convert_to(username, 'UTF8')),
            ARRAY['users:read', 'organizations:read'], now() - interval '100 days',
            now() + (row_number() OVER () %% 400 - 50) * interval '1 day', now()
        FROM (SELECT * FROM accounts_user ORDER BY md5(name || username) LIMIT %(n)s) AS picked
        """,
    ),
    (
        "deletions",
        """
        INSERT INTO privacy_accountdeletion (user_id, nonce, requested_at, expires_at)
        SELECT id, gen_random_uuid(), now(), now() + random() * interval '30 days'
        FROM (SELECT * FROM accounts_user ORDER BY md5(username || 'd') LIMIT %(n)s) AS picked
        """,
    ),
    (
        "exports",
        """
        INSERT INTO privacy_dataexport
            (id, user_id, nonce, file, requested_at, ready_at, expires_at)
        SELECT uuidv7(), id, gen_random_uuid(), id || '.zip', now(), now(),
            now() + interval '7 days'
        FROM (SELECT * FROM accounts_user ORDER BY md5(username || 'x') LIMIT %(n)s) AS picked
        """,
    ),
    (
        "suspensions",
        """
        INSERT INTO authentication_suspension (user_id, reason, until, created_at)
        SELECT id, 'Sent spam.', now() + random() * interval '30 days', now()
        FROM (SELECT * FROM accounts_user ORDER BY md5(username || 's') LIMIT %(n)s) AS picked
        ON CONFLICT DO NOTHING
        """,
    ),
    (
        "passkeys",
        """
        INSERT INTO authentication_passkey (id, user_id, name, credential_id, public_key,
            sign_count, aaguid, is_syncable, is_backed_up, created_at)
        SELECT uuidv7(), id, 'Laptop', sha256(convert_to(username, 'UTF8')), '\\x00', 0,
            '00000000-0000-0000-0000-000000000000', true, true, now()
        FROM (SELECT * FROM accounts_user ORDER BY md5(username || 'p') LIMIT %(n)s) AS picked
        """,
    ),
    (
        "groups",
        """
        INSERT INTO auth_group (name)
        SELECT 'Group ' || number FROM generate_series(1, 500) AS number
        """,
    ),
    (
        "a large organisation",
        """
        WITH large AS (
            INSERT INTO organizations_organization (id, name, created_at)
            VALUES (uuidv7(), 'All Users Limited', now()) RETURNING id
        )
        INSERT INTO organizations_membership (id, organization_id, user_id, role, created_at)
        SELECT uuidv7(), large.id, picked.id, 'member', now()
        FROM large, (SELECT id FROM accounts_user ORDER BY id LIMIT %(n)s) AS picked
        """,
    ),
    (
        "invitations",
        """
        INSERT INTO organizations_organizationinvitation (id, nonce, organization_id, inviter_id,
            email, role, locale, created_at, expires_at)
        SELECT uuidv7(), gen_random_uuid(), organization_id, user_id, 'invited' || number ||
            '@example.org', 'member', 'en', now(), now() + interval '7 days'
        FROM (
            SELECT organization_id, user_id, row_number() OVER () AS number
            FROM organizations_membership LIMIT %(n)s
        ) AS picked
        """,
    ),
    (
        "events",
        """
        WITH made AS (
            INSERT INTO activity_event (id, tag, actor_id, subject_id, data, created_at)
            SELECT uuidv7((number - %(n)s * 5) * interval '1 minute'),
                (ARRAY['session:user:log_in', 'account:profile:change', 'account:email:verify'])
                    [1 + number %% 3],
                id, id, '{}', now() + (number - %(n)s * 5) * interval '1 minute'
            FROM (
                SELECT id, row_number() OVER () AS number FROM accounts_user LIMIT %(n)s * 5
            ) AS picked
            RETURNING id
        )
        INSERT INTO activity_eventdetails (event_id, salt, values)
        SELECT id, '\\x00', '{"ip": "203.0.113.7", "user_agent": "Firefox on Linux"}' FROM made
        """,
    ),
    (
        "bulk actions",
        """
        WITH made AS (
            INSERT INTO bulk_bulkaction (id, requester_id, kind, arguments, selection, state,
                total, done, unchanged, failed, turn, created_at, started_at, finished_at)
            SELECT uuidv7(), (SELECT id FROM accounts_user WHERE is_superuser LIMIT 1),
                'end_sessions', '{}', '{"search": "maria", "filter": {"conditions": {}}}',
                'completed', 1, 0, 0, 1, 1, now(), now(), now()
            FROM generate_series(1, %(n)s / 100)
            RETURNING id
        )
        INSERT INTO bulk_bulkfailure (bulk_action_id, user_id, code)
        SELECT (SELECT id FROM made ORDER BY id DESC LIMIT 1), id, 'NOT_FOUND'
        FROM (SELECT id FROM accounts_user LIMIT %(n)s) AS picked
        """,
    ),
    (
        "exports of people",
        """
        INSERT INTO exports_userexport (id, requester_id, selection, columns, format, state, total,
            done, unchanged, failed, turn, directory, parts, size, created_at, started_at,
            finished_at)
        SELECT uuidv7(), (SELECT id FROM accounts_user WHERE is_superuser LIMIT 1),
            '{"search": null, "filter": {"conditions": {}}}', ARRAY['username'], 'csv',
            'completed', 1, 1, 0, 0, 1, 'exports/' || number, 1, 20, now(), now(), now()
        FROM generate_series(1, %(n)s / 10) AS number
        """,
    ),
    (
        "imports of people",
        """
        WITH made AS (
            INSERT INTO imports_userimport (id, requester_id, format, mode, is_dry_run, source,
                file, layout, "offset", line, state, total, done, unchanged, failed, turn,
                created_at, started_at, finished_at)
            SELECT uuidv7(), (SELECT id FROM accounts_user WHERE is_superuser LIMIT 1), 'csv',
                'create', number %% 2 = 0, 'crm', 'imports/' || number, '{}', 0, 1, 'completed',
                1, 0, 0, 1, 1, now(), now(), now()
            FROM generate_series(1, %(n)s / 10) AS number
            RETURNING id
        )
        INSERT INTO imports_skippedrow (user_import_id, line, code, field)
        SELECT (SELECT id FROM made ORDER BY id DESC LIMIT 1), number, 'EMAIL_TAKEN', 'email'
        FROM generate_series(1, %(n)s) AS number
        """,
    ),
    (
        "invitations to sign up",
        """
        INSERT INTO accounts_invitation (nonce, email, name, locale, expires_at)
        SELECT gen_random_uuid(), 'guest' || number || '@example.org', 'Guest', 'en',
            now() + random() * interval '7 days'
        FROM generate_series(1, %(n)s) AS number
        """,
    ),
    (
        "webhooks and their deliveries",
        """
        WITH made AS (
            INSERT INTO webhooks_webhook (id, organization_id, owner_id, url, tags, selection,
                secret, previous_secret, created_at, disabled_reason, position, turn, pauses)
            SELECT uuidv7(), id, (SELECT id FROM accounts_user WHERE is_superuser LIMIT 1),
                'https://example.org/' || id, ARRAY['session:user:log_in'], '{ id }', '', '',
                now(), '', 0, 0, 0
            FROM organizations_organization LIMIT %(n)s
            RETURNING id
        )
        INSERT INTO webhooks_webhookdelivery (id, webhook_id, event_id, position, state, attempts,
            created_at, retry_until, error)
        SELECT uuidv7(), (SELECT id FROM made LIMIT 1), id, 0,
            (ARRAY['succeeded', 'failed'])[1 + row_number() OVER () %% 2], 1, now(), now(), ''
        FROM (SELECT id FROM activity_event LIMIT %(n)s) AS picked
        """,
    ),
    (
        "work to do",
        """
        INSERT INTO outbox_outboxmessage (subscriber, payload, created_at, attempts, dispatch_at)
        SELECT 'users.accounts.tasks.mail_sign_up', '{}', now(), number %% 50,
            now() + (number - %(n)s / 2) * interval '1 second'
        FROM generate_series(1, %(n)s) AS number
        """,
    ),
)


def fill(dataset: Dataset) -> None:
    """Create the rows unless they exist."""
    marker = dataset.directory / "admin"
    if marker.exists():
        return
    with psycopg.connect(dataset.urls["MIGRATION_DATABASE_URL"], autocommit=True) as connection:
        with connection.transaction():
            for _what, statement in VOLUME:
                connection.execute(statement, {"n": dataset.size // 5})
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_buffercache")
    marker.touch()
