"""Django's settings, read from the environment; invalid values end the process.

One list, since each setting may need those above it, and is looked for in one place.
`docs/configuration.md` lists every variable. Only `make run` and `make cluster`
(core/dev/supervisor.py) set DEMO=1.
"""

import os
import socket
from datetime import timedelta
from email.utils import formataddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from core.configuration.cross_origin import *  # noqa: F403 - settings
from core.configuration.env import HTTP_SCHEMES, BadSetting
from core.configuration.logs import log_format, logging_config
from core.configuration.passwords import firebase_scrypt, password_validators
from core.configuration.services import (
    SESSION_PARAMETERS,
    ServiceEnvironment,
    libpq_options,
    redis_broker,
)
from core.configuration.theme import unfold_theme
from core.outbox.periodic import schedule
from core.outbox.queues import Queue, declare_queues, routes

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

env = ServiceEnvironment(os.environ)

# Mode ------------------------------------------------------------------------------------

DEBUG = False
DEMO = env.flag("DEMO", default=False)
SECRET_KEY = env.text("SECRET_KEY", min_length=32)
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS")
PUBLIC_URL = env.page_url("PUBLIC_URL", default=f"https://{ALLOWED_HOSTS[0]}").rstrip("/")
if any(urlsplit(PUBLIC_URL)[2:]):
    raise BadSetting("PUBLIC_URL", "must have no path: give the service a host name of its own")

DEFAULT_DEMO_PASSWORD = "roster-demo-2026"  # noqa: S105 - documented, refused elsewhere
DEMO_PASSWORD = env.text("DEMO_PASSWORD", default=DEFAULT_DEMO_PASSWORD, min_length=12)
if not DEMO and "DEMO_PASSWORD" in os.environ:
    raise BadSetting("DEMO_PASSWORD", "is only for `make run`; unset it")
DEMO_MAILBOX = env.text("DEMO_MAILBOX", default="") if DEMO else ""
# Explains executions, including SQL, to requests that ask for it; never in production.
GRAPHQL_DEBUG = DEMO

# The service as its users know it: on pages, in mails, authenticator apps and passkeys.
SERVICE_NAME = env.display_text("SERVICE_NAME", default="Roster")
SERVICE_COLOR = env.color("SERVICE_COLOR", default="#0f6b60")
SERVICE_LOGO_URL = env.optional_page_url("SERVICE_LOGO_URL")

# Application -----------------------------------------------------------------------------

INSTALLED_APPS = [
    "core.database.roles",
    "core.database.replicas",
    "core.outbox",
    "core.ratelimit",
    "core.versions",
    "core.database.search",
    "users.activity",
    "users.accounts",
    "users.authentication",
    "users.organizations",
    "users.privacy",
    "users.jobs",
    "users.bulk",
    "users.exports",
    "users.imports",
    "users.webhooks",
    "users.admin",
    *(["users.demo"] if DEMO else []),
    "schema",
    "schema.trusted",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "users.admin.config.RosterAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "strawberry_django",
]

MIDDLEWARE = [
    # First, so that log lines and responses of all other middleware have the request id.
    "core.request_id.RequestIdMiddleware",
    "core.web.operations.ApiMiddleware",
    "core.web.observation.PageMiddleware",
    "core.web.content_security.ContentSecurityMiddleware",
    "core.web.health.HealthMiddleware",
    # For what is not an operation, and for preflights. Outside of all middleware that may refuse a
    # request, so that pages of allowed origins can read why.
    "corsheaders.middleware.CorsMiddleware",
    "core.web.operations.DeadlineMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Required by the admin; nothing is stored in Django's sessions.
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "users.authentication.sessions.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# Handles operations sent by POST, without the middleware for pages.
OPERATION_VIEW = "schema.http.view.operation"

ROOT_URLCONF = "core.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "core" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"brand": "core.web.brand"},
        },
    }
]

SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# Database --------------------------------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL")}
# A longer statement is cancelled and reported as QUERY_TIMEOUT; migrations have no limit.
STATEMENT_TIMEOUT = env.number("STATEMENT_TIMEOUT_MS", 5_000, minimum=100, maximum=600_000)
deadline = env.number("REQUEST_DEADLINE_MS", 2 * STATEMENT_TIMEOUT, minimum=200, maximum=1_200_000)
# The time limit of a whole request, in seconds.
REQUEST_DEADLINE = deadline / 1_000
if deadline <= STATEMENT_TIMEOUT:
    raise BadSetting("REQUEST_DEADLINE_MS", "must be more than STATEMENT_TIMEOUT_MS")
# To be disabled behind a PgBouncer with transaction pooling and no support of prepared statements.
if env.flag("DATABASE_PREPARED_STATEMENTS", default=True):
    # Without it, psycopg ignores `prepare=True`. Django's own statements are never prepared.
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 5
# Whether prepared statements share round trips: the first two of a query, writes with COMMIT.
DATABASE_PIPELINE = env.flag("DATABASE_PIPELINE", default=True)
session_parameters = {"statement_timeout": str(STATEMENT_TIMEOUT)} | SESSION_PARAMETERS
DATABASES["default"]["OPTIONS"].setdefault("options", libpq_options(session_parameters))
DATABASES["default"] |= {
    "CONN_MAX_AGE": env.number("DATABASE_CONN_MAX_AGE", 600, minimum=0, maximum=86_400),
    "CONN_HEALTH_CHECKS": True,
    # Forms would read their choices by a server-side cursor, which transaction pooling loses
    # between statements. Lists of choices are short.
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
# Streaming replicas that execute queries, and how old their data may be in seconds; see
# core/database/replicas.
DATABASE_REPLICAS = env.databases("DATABASE_REPLICA_URLS")
for replica in DATABASE_REPLICAS:
    # So that nothing is written on one that was promoted.
    session = session_parameters | {"default_transaction_read_only": "on"}
    replica["OPTIONS"].setdefault("options", libpq_options(session))
    if "prepare_threshold" in DATABASES["default"]["OPTIONS"]:
        replica["OPTIONS"]["prepare_threshold"] = 5
DATABASE_REPLICA_MAX_LAG = (
    env.number("DATABASE_REPLICA_MAX_LAG_MS", 1_000, minimum=500, maximum=300_000) / 1_000
)
# The owner of the tables, for `manage.py migrate`; see core/database/roles.
MIGRATION_DATABASE = env.database("MIGRATION_DATABASE_URL", default=env.text("DATABASE_URL"))
# A migration that waits for a lock blocks all later statements on the table, so it fails early and
# is retried.
MIGRATION_DATABASE["OPTIONS"].setdefault("options", "-c lock_timeout=5s")
if MIGRATION_DATABASE["NAME"] != DATABASES["default"]["NAME"]:
    raise BadSetting("MIGRATION_DATABASE_URL", "must name the same database as DATABASE_URL")
if MIGRATION_DATABASE["USER"] and not DATABASES["default"]["USER"]:
    raise BadSetting("MIGRATION_DATABASE_URL", "names a user, so DATABASE_URL must name one too")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Cache and background work ---------------------------------------------------------------

REDIS_URL = env.url(
    "REDIS_URL", default="redis://localhost:6379", schemes=("redis", "rediss", "unix")
)
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
CACHES = {
    # Django requires it; only the admin's command search uses it.
    "default": env.cache("CACHE_URL", default=REDIS_URL) | {"KEY_PREFIX": "roster"},
    "shared": env.shared_cache("CACHE_URL", default=REDIS_URL) | {"KEY_PREFIX": "roster:shared"},
}
# How long an entry of `core.cache.shared` is stored; 0 for none.
SHARED_CACHE_SECONDS = env.number("SHARED_CACHE_SECONDS", 3_600, minimum=0, maximum=86_400)

CELERY_BROKER_URL = env.url(
    "CELERY_BROKER_URL",
    default=redis_broker(REDIS_URL),
    schemes=("redis", "rediss", "redis+socket", "amqp", "amqps"),
)
# No pickle, so that a writer to the broker cannot execute code here.
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 50
CELERY_TASK_SOFT_TIME_LIMIT = 40
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# So that a writer to the broker can neither stop nor reconfigure workers.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_CONSUMER = "core.heartbeat:Consumer"
# The file that the loops of workers and Beat touch every few seconds; see core/heartbeat.py.
HEARTBEAT_FILE = env.text("HEARTBEAT_FILE", default="")
# Workers reconnect to a broker however long it is down.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
is_amqp = CELERY_BROKER_URL.startswith("amqp")
CELERY_TASK_QUEUES = declare_queues(is_amqp=is_amqp)
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = Queue.DEFAULT.value
CELERY_TASK_DEFAULT_EXCHANGE = "roster"
# Of a direct exchange, Celery warns that it cannot delay messages for quorum queues. Ours are never
# delayed, so what it declares for that need not be replicated.
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic" if is_amqp else "direct"
CELERY_BROKER_NATIVE_DELAYED_DELIVERY_QUEUE_TYPE = "classic"
# Publishing only speeds up delivery, because the outbox keeps the message. So an unreachable or
# unresponsive broker must delay neither a thread that nudges nor the exit of its process; see
# core/broker.py.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"max_retries": 0}
if not is_amqp:
    CELERY_BROKER_TRANSPORT_OPTIONS |= {
        "visibility_timeout": 60,
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
        "retry_on_timeout": False,
        "global_keyprefix": "roster:",
        # Workers wait for messages without a time-out. So they notice a host that vanished.
        "socket_keepalive": True,
        "socket_keepalive_options": {
            socket.TCP_KEEPIDLE: 10,
            socket.TCP_KEEPINTVL: 5,
            socket.TCP_KEEPCNT: 3,
        },
    }

# Filled as the `tasks` modules are imported, by `periodic` and `task`.
CELERY_BEAT_SCHEDULE = schedule
CELERY_BEAT_SCHEDULER = "core.outbox.beat:Scheduler"
CELERY_TASK_ROUTES = routes

# How long a worker's claim on an outbox message lasts; must be longer than a task's time limit.
OUTBOX_LEASE = timedelta(seconds=env.number("OUTBOX_LEASE_SECONDS", 60, minimum=1, maximum=86_400))
# The same of mails and webhooks, whose claims workers renew.
OUTBOX_RENEWED_LEASE = timedelta(
    seconds=env.number("OUTBOX_RENEWED_LEASE_SECONDS", 10, minimum=1, maximum=600)
)
# How long a message is retried after its first temporary failure.
OUTBOX_RETRY_TTL = timedelta(days=env.number("OUTBOX_RETRY_DAYS", 3, minimum=1, maximum=30))
# How long failed messages are kept and can be retried.
OUTBOX_FAILED_TTL = timedelta(days=env.number("OUTBOX_FAILED_DAYS", 30, minimum=1, maximum=365))

# Identity --------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
# The first hashes new passwords; the others verify those of imported users, see
# `core.security.foreign_hashes`.
PASSWORD_HASHERS = [
    "core.security.hashers.Argon2idHasher",
    "core.security.hashers.Pbkdf2Hasher",
    "core.security.hashers.Pbkdf2Sha1Hasher",
    "core.security.hashers.BcryptSha256Hasher",
    "core.security.hashers.BcryptHasher",
    "core.security.hashers.ScryptHasher",
    "core.security.hashers.KeycloakSha512Hasher",
    "core.security.hashers.KeycloakSha256Hasher",
    "core.security.hashers.KeycloakSha1Hasher",
    "core.security.hashers.FirebaseScryptHasher",
]
# The password hash parameters of the Firebase project from which users are imported.
FIREBASE_SCRYPT = firebase_scrypt(env.mapping("FIREBASE_SCRYPT"))
# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
ARGON2_MEMORY_KIB = env.number("ARGON2_MEMORY_KIB", 19_456, minimum=8, maximum=4_194_304)
ARGON2_PASSES = env.number("ARGON2_PASSES", 2, minimum=1, maximum=64)
# Words, such as the organisation's name, that a password may not consist of.
PASSWORD_CONTEXT_WORDS = env.names("PASSWORD_CONTEXT_WORDS", default=[])
# Have I Been Pwned's range API or a compatible one; receives five hexadecimal digits of a digest.
BREACHED_PASSWORDS_URL = env.optional_url("BREACHED_PASSWORDS_URL", schemes=HTTP_SCHEMES)
AUTH_PASSWORD_VALIDATORS = password_validators(
    min_length=env.number("PASSWORD_MIN_LENGTH", 12, minimum=8, maximum=64),
    are_looked_up=bool(BREACHED_PASSWORDS_URL),
)
RESERVED_USERNAMES = env.names("RESERVED_USERNAMES", default=[])

# Who may sign up: `open`, `invitation`, `closed`, or the owners of addresses at these domains.
SIGN_UP = env.sign_up("SIGN_UP")
# Whether users request organisations from staff instead of creating them.
ORGANIZATIONS_BY_STAFF = env.flag("ORGANIZATIONS_BY_STAFF", default=False)
SIGN_UP_TTL = timedelta(hours=24)
INVITATION_TTL = timedelta(days=7)
EMAIL_CHANGE_TTL = timedelta(hours=24)
# How long a former primary address can undo its change.
EMAIL_REVERSAL_TTL = timedelta(days=env.number("EMAIL_REVERSAL_DAYS", 7, minimum=1, maximum=30))
PASSWORD_RESET_TTL = timedelta(hours=1)
# How long a deleted account can be restored before it is erased.
DELETION_GRACE = timedelta(days=env.number("DELETION_GRACE_DAYS", 30, minimum=1, maximum=365))
# How long an export of personal data can be downloaded.
DATA_EXPORT_TTL = timedelta(days=env.number("DATA_EXPORT_DAYS", 7, minimum=1, maximum=30))
# How long an ended bulk action, including its selection, is kept.
BULK_ACTION_RETENTION = timedelta(
    days=env.number("BULK_ACTION_RETENTION_DAYS", 30, minimum=1, maximum=365)
)
# How long events are kept, at least; None for permanently. `migrate` stores it in the database.
event_days = env.number("EVENT_RETENTION_DAYS", 0, minimum=0, maximum=36_500)
if event_days in range(1, 90):
    # Jobs, webhooks and the roll-up read events; none of them lags behind so far.
    raise BadSetting("EVENT_RETENTION_DAYS", "must be 0, for permanently, or at least 90")
EVENT_RETENTION = timedelta(days=event_days) if event_days else None
# Where events are streamed to; empty for nowhere.
AUDIT_STREAM_URL = env.audit_stream("AUDIT_STREAM_URL")
AUDIT_STREAM_FORMAT = env.choice("AUDIT_STREAM_FORMAT", "ecs", "ocsf", default="ecs")
AUDIT_STREAM_TOKEN = env.text("AUDIT_STREAM_TOKEN", default="")
# Whether lines have the address and device of who caused the event.
AUDIT_STREAM_DETAILS = env.flag("AUDIT_STREAM_DETAILS", default=False)
# How long the log of a webhook's deliveries is kept, and after how long without a success a webhook
# is disabled.
WEBHOOK_DELIVERY_RETENTION = timedelta(
    days=env.number("WEBHOOK_DELIVERY_DAYS", 14, minimum=1, maximum=365)
)
WEBHOOK_FAILING_MAX = timedelta(days=env.number("WEBHOOK_FAILING_DAYS", 3, minimum=1, maximum=30))
# Networks besides the public internet to which webhooks may be sent; in the demo, this machine.
WEBHOOK_ALLOWED_NETWORKS = env.networks(
    "WEBHOOK_ALLOWED_NETWORKS", default=["127.0.0.0/8", "::1/128"] if DEMO else []
)
WEBHOOK_SCHEMES = ["https", "http"] if DEMO else ["https"]
# Renders what webhooks send of an event, by its dotted path: GraphQL is above the domain.
WEBHOOK_RENDERER = "schema.http.webhooks.renderer"
# The base URL of links in mails, for the pages /verify-email, /accept-invitation, /confirm-email,
# /confirm-email-address, /undo-email-change, /reset-password, /join-organization and
# /cancel-deletion. The token is in the fragment, which browsers do not send, so it reaches no
# server's log.
LINKS_URL = env.page_url("LINKS_URL", default=PUBLIC_URL).rstrip("/")
if any(urlsplit(LINKS_URL)[3:]):
    raise BadSetting("LINKS_URL", "must have no query and no fragment: links append a path")
# Where these pages lead when all is done; if empty, to a page that says what to do.
AFTER_LINK_URL = env.optional_page_url("AFTER_LINK_URL")

ACCESS_TOKEN_TTL = timedelta(minutes=env.number("ACCESS_TOKEN_MINUTES", 10, minimum=1, maximum=60))
# A session expires after this time without use, and at this age.
SESSION_IDLE_TTL = timedelta(days=env.number("SESSION_IDLE_DAYS", 30, minimum=1, maximum=365))
SESSION_MAX_AGE = timedelta(days=env.number("SESSION_MAX_DAYS", 180, minimum=1, maximum=3_650))
# The longest lifetime of an API token, and the number of tokens per owner.
API_TOKEN_MAX_DAYS = env.number("API_TOKEN_MAX_DAYS", 365, minimum=1, maximum=3_650)
API_TOKENS_PER_OWNER = env.number("API_TOKENS_PER_OWNER", 50, minimum=1, maximum=1_000)
# How long a used refresh token returns the same successor, for retries of a lost response.
REFRESH_GRACE = timedelta(seconds=10)
LAST_SEEN_PRECISION = timedelta(minutes=5)
DEVICE_TTL = timedelta(days=365)

# Log-in attempts: per account and per address in 15 minutes, and of all clients in one minute.
LOG_INS_PER_ACCOUNT = env.number("LOG_INS_PER_ACCOUNT", 10, minimum=3, maximum=100)
LOG_INS_PER_ADDRESS = env.number("LOG_INS_PER_ADDRESS", 100, minimum=10, maximum=1_000_000)
# Sign-ups, password resets and other mails that a network requests in an hour, each kind apart.
MAILS_PER_NETWORK = env.number("MAILS_PER_NETWORK", 500, minimum=10, maximum=1_000_000)
LOG_INS_OVERALL = env.number("LOG_INS_OVERALL", 3_000, minimum=10, maximum=1_000_000)

# JSON Schemas (Draft 2020-12) of users' metadata; an empty one accepts any.
PUBLIC_METADATA_SCHEMA = env.mapping("PUBLIC_METADATA_SCHEMA")
PRIVATE_METADATA_SCHEMA = env.mapping("PRIVATE_METADATA_SCHEMA")

# Second factors ---------------------------------------------------------------------------

# Who must have a second factor: no one (`optional`), `staff` or `all` users. The grace period
# starts with the account or, for older accounts, with the policy (SECOND_FACTOR_SINCE).
SECOND_FACTOR = env.choice("SECOND_FACTOR", "optional", "staff", "all", default="optional")
SECOND_FACTOR_GRACE = timedelta(
    days=env.number("SECOND_FACTOR_GRACE_DAYS", 7, minimum=0, maximum=365)
)
SECOND_FACTOR_SINCE = env.date("SECOND_FACTOR_SINCE")
# How long an authentication counts as recent for mutations with `reauthenticate=True`.
REAUTHENTICATION_TTL = timedelta(
    minutes=env.number("REAUTHENTICATION_MINUTES", 10, minimum=1, maximum=60)
)
# The longest impersonation; 0 disables impersonation.
IMPERSONATION_MAX = timedelta(
    minutes=env.number("IMPERSONATION_MAX_MINUTES", 30, minimum=0, maximum=60)
)
# How long a log-in waits for its second factor, a passkey's challenge for its response, and a TOTP
# secret for its first code.
PENDING_LOG_IN_TTL = timedelta(minutes=10)
PASSKEY_CHALLENGE_TTL = timedelta(minutes=5)
TOTP_ENROLLMENT_TTL = timedelta(minutes=30)
# The domain to which passkeys are bound, and the origins that may use them (Web Authentication
# Level 3).
WEBAUTHN_RP_ID = env.text("WEBAUTHN_RP_ID", default=urlsplit(PUBLIC_URL).hostname)
WEBAUTHN_ORIGINS = [
    origin.rstrip("/") for origin in env.names("WEBAUTHN_ORIGINS", default=[PUBLIC_URL])
]

# HTTP ------------------------------------------------------------------------------------

# How many proxies append to X-Forwarded-For; earlier entries are not trusted.
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, minimum=0, maximum=10)
SECURE = urlsplit(PUBLIC_URL).scheme == "https"
# With a stricter policy, browsers would send `Origin: null` with forms, and the CSRF check would
# refuse them.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = (
    env.number("HSTS_SECONDS", 31_536_000, minimum=0, maximum=63_072_000) if SECURE else 0
)
# W005 and W021 recommend HSTS for subdomains, which are beyond this service's knowledge.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# Gunicorn decides whether a request came by HTTPS, because it knows the trusted proxies.
SECURE_SSL_REDIRECT = SECURE
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE = "__Host-roster" if SECURE else "roster"
DEVICE_COOKIE = "__Host-roster-device" if SECURE else "roster-device"
# Of forms, which other origins never post: ALLOWED_ORIGINS are not among them.
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# Origins besides the service's own whose pages may use the API (Fetch, CORS protocol). Browsers
# send the session cookie from the same site only, because it is SameSite=Lax.
CORS_ALLOWED_ORIGINS = env.origins("ALLOWED_ORIGINS", plain_http=not SECURE)

# How long a client may take to send a request's head, to send its body, and to read the response.
WEB_HEAD_SECONDS = env.number("WEB_HEAD_SECONDS", 10, minimum=1, maximum=600)
WEB_BODY_SECONDS = env.number("WEB_BODY_SECONDS", 30, minimum=1, maximum=600)
WEB_ANSWER_SECONDS = env.number("WEB_ANSWER_SECONDS", 30, minimum=1, maximum=600)

# The threads of each web process, of which expensive work leaves some free; also gunicorn's.
WEB_THREADS = env.number("WEB_THREADS", 4, minimum=1, maximum=64)
# How many requests may wait for a thread of a web process, and for how long. Others are answered
# with 503, so that under overload those that are processed still have a client.
WEB_QUEUE_LENGTH = env.number("WEB_QUEUE_LENGTH", 100, minimum=1, maximum=10_000)
WEB_QUEUE_SECONDS = env.number("WEB_QUEUE_MS", 2_000, minimum=10, maximum=60_000) / 1_000

# While this file exists, /readyz returns 503. To drain: create it, wait, stop the process.
DRAIN_FILE = env.text("DRAIN_FILE", default="")

ANSWER_CACHE_MB = env.number("ANSWER_CACHE_MB", 64, minimum=0, maximum=100_000)
# An answer that took at least this long is shared with other processes.
SHARED_ANSWER_SECONDS = env.number("SHARED_ANSWER_MS", 3, minimum=0, maximum=60_000) / 1_000
# The seconds that an answer may be old if the client accepts it.
CACHE_MAX_STALENESS = env.number("CACHE_MAX_STALENESS", 60, minimum=0, maximum=3_600)
# Without the engine or the fast path, operations take longer, with the same results.
GRAPHQL_ENGINE = env.flag("GRAPHQL_ENGINE", default=True)
FAST_PATH = env.flag("FAST_PATH", default=True)
# Which documents signed-in and anonymous clients may send: `any`, or only `trusted` ones.
DOCUMENTS = env.choice("DOCUMENTS", "any", "trusted", default="any")
ANONYMOUS_DOCUMENTS = env.choice("ANONYMOUS_DOCUMENTS", "any", "trusted", default=DOCUMENTS)
INTROSPECTION = env.choice("INTROSPECTION", "all", "signed-in", default="all")
GRAPHQL_MAX_BODY_BYTES = env.number(
    "GRAPHQL_MAX_BODY_BYTES", 100_000, minimum=1_000, maximum=10_000_000
)
DATA_UPLOAD_MAX_MEMORY_SIZE = GRAPHQL_MAX_BODY_BYTES
# An operation with a larger response is cancelled before the response is built.
GRAPHQL_MAX_RESPONSE_BYTES = env.number(
    "GRAPHQL_MAX_RESPONSE_BYTES", 10_000_000, minimum=100_000, maximum=1_000_000_000
)
# Operations in one request; 0 allows no batches.
BATCH_MAX = env.number("BATCH_MAX", 0, minimum=0, maximum=100)
# Points per client and minute, counted by all processes together; 0 for no limit.
GRAPHQL_POINTS_PER_MINUTE = env.number(
    "GRAPHQL_POINTS_PER_MINUTE", 12_000, minimum=0, maximum=1_000_000_000
)

# Uploaded files: in a directory, or in a storage such as django-storages'. They are served at
# /media/ unless MEDIA_URL is set. Without a directory or a storage, uploads are disabled.
MEDIA_ROOT = env.text("MEDIA_ROOT", default="")
MEDIA_STORAGE = env.text("MEDIA_STORAGE", default="")
MEDIA_URL = env.media_url("MEDIA_URL")
SERVES_MEDIA = not (MEDIA_URL or MEDIA_STORAGE)
if SERVES_MEDIA:
    MEDIA_URL = f"{PUBLIC_URL}/media/"
KEEPS_FILES = bool(MEDIA_ROOT or MEDIA_STORAGE)
AVATAR_MAX_BYTES = env.number("AVATAR_MAX_BYTES", 5_000_000, minimum=10_000, maximum=50_000_000)
AVATAR_MAX_PIXELS = env.number("AVATAR_MAX_PIXELS", 25_000_000, minimum=10_000, maximum=200_000_000)
# Of a file of users that is uploaded; `manage.py import_users` reads larger ones.
IMPORT_MAX_BYTES = env.number("IMPORT_MAX_BYTES", 5_000_000, minimum=10_000, maximum=50_000_000)
# Larger uploads are refused, so every accepted one is held in memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = max(AVATAR_MAX_BYTES, IMPORT_MAX_BYTES) + GRAPHQL_MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FILES = 4

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
CONSOLE_BUNDLE = BASE_DIR / "console" / "dist"
STATICFILES_DIRS = [
    BASE_DIR / "core" / "static",
    *([CONSOLE_BUNDLE] if CONSOLE_BUNDLE.is_dir() else []),
]
WHITENOISE_USE_FINDERS = DEMO
# Private files, such as exports of personal data; shared by all replicas and workers.
PRIVATE_FILES_DIR = env.text("PRIVATE_FILES_DIR", default=str(BASE_DIR / ".data" / "files"))
STATIC_FILES_STORAGE = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEMO
    else "core.web.static_files.StaticFilesStorage"
)
STORAGES = {
    "default": {
        "BACKEND": MEDIA_STORAGE or "django.core.files.storage.FileSystemStorage",
        "OPTIONS": env.mapping("MEDIA_STORAGE_OPTIONS"),
    },
    "staticfiles": {"BACKEND": STATIC_FILES_STORAGE},
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": PRIVATE_FILES_DIR,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}

# Mail ------------------------------------------------------------------------------------

# Seconds that a server or a provider may be silent, and for all replies of an SMTP server. A whole
# mail is bounded by the task's time limit, which is longer.
EMAIL_TIMEOUT = 10
EMAIL_TIME_LIMIT = 30
# The provider of `EMAIL_URL` unless it is an SMTP server, and whether it reports to our webhook.
MAIL_PROVIDER = ""
MAIL_WEBHOOKS = False
vars().update(env.mail("EMAIL_URL", default="smtp://localhost", timeout=EMAIL_TIMEOUT))
DEFAULT_FROM_EMAIL = env.sender(
    "MAIL_FROM", default=formataddr((SERVICE_NAME, f"no-reply@{ALLOWED_HOSTS[0]}"))
)
# Mails per minute of all workers together; 0 for no limit.
MAILS_PER_MINUTE = env.number("MAILS_PER_MINUTE", 0, minimum=0, maximum=1_000_000)

# Language, time, logs --------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
USE_THOUSAND_SEPARATOR = True
LOCALE_PATHS = [BASE_DIR / "users" / "locale"]
TIME_ZONE = "UTC"

LOGGING = logging_config(log_format(env, is_demo=DEMO))

# Observation -----------------------------------------------------------------------------

# The collector of traces, of which this share of all requests is sent; and Sentry. Off if empty.
OTEL_EXPORTER_OTLP_ENDPOINT = env.optional_url("OTEL_EXPORTER_OTLP_ENDPOINT", schemes=HTTP_SCHEMES)
TRACES_PERCENT = env.number("TRACES_PERCENT", 100, minimum=0, maximum=100)
SENTRY_DSN = env.optional_url("SENTRY_DSN", schemes=HTTP_SCHEMES)
# The port on which a Celery worker reports its metrics; 0 for none.
WORKER_METRICS_PORT = env.number("WORKER_METRICS_PORT", 0, minimum=0, maximum=65_535)

UNFOLD = unfold_theme(SERVICE_NAME, SERVICE_COLOR)

# Of all variables above; distinguishes configurations that share a cache.
CONFIGURATION_DIGEST = env.digest()
