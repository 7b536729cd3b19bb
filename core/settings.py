"""Django's settings: one file, read from the environment, loud about bad values.

`docs/configuration.md` lists every variable. `make run` (core/dev/demo.py) is the only thing that
sets DEMO=1.
"""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from core.configuration.env import BadSetting
from core.configuration.logs import log_format, logging_config
from core.configuration.services import (
    SESSION_PARAMETERS,
    ServiceEnvironment,
    libpq_options,
    redis_broker,
)
from core.configuration.theme import UNFOLD_THEME
from core.outbox.periodic import schedule

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

env = ServiceEnvironment(os.environ)

# Mode ------------------------------------------------------------------------------------

DEBUG = False
DEMO = env.flag("DEMO", default=False)
SECRET_KEY = env.text("SECRET_KEY", min_length=32)
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS")
PUBLIC_URL = env.url(
    "PUBLIC_URL", default=f"https://{ALLOWED_HOSTS[0]}", schemes=("http", "https")
).rstrip("/")

DEFAULT_DEMO_PASSWORD = "roster-demo-2026"  # noqa: S105 - documented, refused elsewhere
DEMO_PASSWORD = env.text("DEMO_PASSWORD", default=DEFAULT_DEMO_PASSWORD, min_length=12)
if not DEMO and "DEMO_PASSWORD" in os.environ:
    raise BadSetting("DEMO_PASSWORD", "is only for `make run`; unset it")
DEMO_MAILBOX = env.text("DEMO_MAILBOX", default="") if DEMO else ""
# Answers tell in `extensions.debug` how they were made, SQL included: not for strangers.
GRAPHQL_DEBUG = env.flag("GRAPHQL_DEBUG", default=False)
if GRAPHQL_DEBUG and not DEMO:
    raise BadSetting("GRAPHQL_DEBUG", "is only for `make run`; unset it")

# Application -----------------------------------------------------------------------------

INSTALLED_APPS = [
    "core.database.roles",
    "core.outbox",
    "core.ratelimit",
    "core.database.search",
    "users.activity",
    "users.accounts",
    "users.authentication",
    "users.organizations",
    "users.privacy",
    "users.bulk",
    "users.admin",
    *(["users.demo"] if DEMO else []),
    "schema",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "users.admin.config.RosterAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "strawberry_django",
]

MIDDLEWARE = [
    # First, so that all that the others log and answer has the request's id.
    "core.web.request_id.RequestIdMiddleware",
    "core.web.operations.ApiMiddleware",
    "core.web.content_security.ContentSecurityMiddleware",
    "core.web.health.HealthMiddleware",
    "core.web.operations.DeadlineMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # The admin insists on it; nothing is stored in Django's sessions.
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "users.authentication.sessions.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# Answers operations that come by POST, past the middleware.
OPERATION_VIEW = "schema.http.view.operation"

ROOT_URLCONF = "core.urls"
WSGI_APPLICATION = "core.wsgi.application"

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
        },
    }
]

SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# Database --------------------------------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL")}
# What takes longer is canceled and told as QUERY_TIMEOUT; migrations may take their time.
STATEMENT_TIMEOUT = env.number("STATEMENT_TIMEOUT_MS", 5_000, minimum=100, maximum=600_000)
# What a request may take in all, in seconds.
REQUEST_DEADLINE = (
    env.number("REQUEST_DEADLINE_MS", 2 * STATEMENT_TIMEOUT, minimum=200, maximum=1_200_000) / 1_000
)
if REQUEST_DEADLINE * 1_000 <= STATEMENT_TIMEOUT:
    raise BadSetting("REQUEST_DEADLINE_MS", "must be more than STATEMENT_TIMEOUT_MS")
# Behind a PgBouncer that pools transactions and does not know of prepared statements, none are.
PREPARED_STATEMENTS = env.flag("DATABASE_PREPARED_STATEMENTS", default=True)
if PREPARED_STATEMENTS:
    # Without a threshold psycopg prepares not even what it is told to. Django's own statements have
    # their values in the text and are prepared in no case.
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 5
session_parameters = {"statement_timeout": str(STATEMENT_TIMEOUT)} | SESSION_PARAMETERS
DATABASES["default"]["OPTIONS"].setdefault("options", libpq_options(session_parameters))
DATABASES["default"] |= {
    "CONN_MAX_AGE": env.number("DATABASE_CONN_MAX_AGE", 600, minimum=0, maximum=86_400),
    "CONN_HEALTH_CHECKS": True,
    # Forms read their choices by one, which is not there if PgBouncer gives the next statement of a
    # client to another connection. The choices are not so many.
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
# The owner of the tables, for `manage.py migrate`; see core/database/roles.
MIGRATION_DATABASE = env.database("MIGRATION_DATABASE_URL", default=env.text("DATABASE_URL"))
# A migration that waits for a lock holds up everybody behind it; it had better fail and come again.
MIGRATION_DATABASE["OPTIONS"].setdefault("options", "-c lock_timeout=5s")
if MIGRATION_DATABASE["NAME"] != DATABASES["default"]["NAME"]:
    raise BadSetting("MIGRATION_DATABASE_URL", "names another database than DATABASE_URL")
if MIGRATION_DATABASE["USER"] and not DATABASES["default"]["USER"]:
    raise BadSetting("MIGRATION_DATABASE_URL", "names a user, so DATABASE_URL must name one, too")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Cache and background work ---------------------------------------------------------------

REDIS_URL = env.url(
    "REDIS_URL", default="redis://localhost:6379", schemes=("redis", "rediss", "unix")
)
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
CACHES = {"default": env.cache("CACHE_URL", default=REDIS_URL) | {"KEY_PREFIX": "roster"}}

CELERY_BROKER_URL = env.url(
    "CELERY_BROKER_URL",
    default=redis_broker(REDIS_URL),
    schemes=("redis", "rediss", "redis+socket", "amqp", "amqps"),
)
# A writer to the broker must not run code here: no pickle, whatever type a message claims.
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
# Publishing is a hint to hurry, never the only copy: the outbox keeps the work. So a broker
# that is down or silent must not hold up a request.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 1
if CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 60,
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
        "retry_on_timeout": False,
        "global_keyprefix": "roster:",
    }

# Filled as the `tasks` modules are imported, by `periodic`.
CELERY_BEAT_SCHEDULE = schedule

# How long a worker owns an outbox message before another may try; longer than any task runs.
OUTBOX_LEASE = timedelta(seconds=env.number("OUTBOX_LEASE_SECONDS", 60, minimum=1, maximum=86_400))
# How long a message that was refused for good can be looked at and sent again.
OUTBOX_FAILED_TTL = timedelta(days=env.number("OUTBOX_FAILED_DAYS", 30, minimum=1, maximum=365))

# Identity --------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["core.security.hashers.Argon2idHasher"]
# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
ARGON2_MEMORY_KIB = env.number("ARGON2_MEMORY_KIB", 19_456, minimum=8, maximum=4_194_304)
ARGON2_PASSES = env.number("ARGON2_PASSES", 2, minimum=1, maximum=64)
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": env.number("PASSWORD_MIN_LENGTH", 12, minimum=8, maximum=64)},
    },
    {"NAME": "users.accounts.validators.MaximumLengthValidator"},
    {"NAME": "users.accounts.validators.DemoPasswordValidator"},
    {"NAME": "users.accounts.validators.GuessablePasswordValidator"},
    {"NAME": "users.accounts.validators.ContextWordsValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "email", "email_in_unicode", "name")},
    },
]
# Names of the organisation and the like, of which no password may consist.
PASSWORD_CONTEXT_WORDS = env.names("PASSWORD_CONTEXT_WORDS", default=[])
# Have I Been Pwned's range API or one like it; asked for the first five digits of a digest.
BREACHED_PASSWORDS_URL = env.text("BREACHED_PASSWORDS_URL", default="")
if BREACHED_PASSWORDS_URL:
    env.url("BREACHED_PASSWORDS_URL", schemes=("http", "https"))
    AUTH_PASSWORD_VALIDATORS.append({"NAME": "users.accounts.validators.BreachedPasswordValidator"})
RESERVED_USERNAMES = env.names("RESERVED_USERNAMES", default=[])

# Who may sign up: `open`, `invitation`, `closed`, or the owners of addresses at these domains.
SIGN_UP = env.sign_up("SIGN_UP")
# Whether people ask staff for an organisation, instead of making one.
ORGANIZATIONS_BY_STAFF = env.flag("ORGANIZATIONS_BY_STAFF", default=False)
SIGN_UP_TTL = timedelta(hours=24)
INVITATION_TTL = timedelta(days=7)
EMAIL_CHANGE_TTL = timedelta(hours=24)
PASSWORD_RESET_TTL = timedelta(hours=1)
# How long a deleted account can be had back, before it is erased.
DELETION_GRACE = timedelta(days=env.number("DELETION_GRACE_DAYS", 30, minimum=1, maximum=365))
# How long an export of personal data can be fetched.
DATA_EXPORT_TTL = timedelta(days=env.number("DATA_EXPORT_DAYS", 7, minimum=1, maximum=30))
# How long a bulk action is kept once it has ended, with what it selected people by.
BULK_ACTION_RETENTION = timedelta(
    days=env.number("BULK_ACTION_RETENTION_DAYS", 30, minimum=1, maximum=365)
)
# Where links in mails lead: to the pages /verify-email, /accept-invitation, /confirm-email,
# /confirm-email-address, /reset-password, /join-organization and /cancel-deletion there. The token
# follows in the fragment, which browsers send to no server and so reaches no log.
LINKS_URL = env.url("LINKS_URL", default=PUBLIC_URL, schemes=("http", "https")).rstrip("/")

ACCESS_TOKEN_TTL = timedelta(minutes=env.number("ACCESS_TOKEN_MINUTES", 10, minimum=1, maximum=60))
# A session ends when it was not used for so long, and when it is so old.
SESSION_IDLE_TTL = timedelta(days=env.number("SESSION_IDLE_DAYS", 30, minimum=1, maximum=365))
SESSION_MAX_AGE = timedelta(days=env.number("SESSION_MAX_DAYS", 180, minimum=1, maximum=3_650))
# How long an API token lasts at most, and how many somebody may have.
API_TOKEN_MAX_DAYS = env.number("API_TOKEN_MAX_DAYS", 365, minimum=1, maximum=3_650)
API_TOKENS_PER_OWNER = env.number("API_TOKENS_PER_OWNER", 50, minimum=1, maximum=1_000)
# How long a refresh token that was just used buys the same successor again.
REFRESH_GRACE = timedelta(seconds=10)
LAST_SEEN_PRECISION = timedelta(minutes=5)
DEVICE_TTL = timedelta(days=365)

# Attempts to log in: per account and per address in 15 minutes, of everybody in one minute.
LOG_INS_PER_ACCOUNT = env.number("LOG_INS_PER_ACCOUNT", 10, minimum=3, maximum=100)
LOG_INS_PER_ADDRESS = env.number("LOG_INS_PER_ADDRESS", 100, minimum=10, maximum=1_000_000)
LOG_INS_OVERALL = env.number("LOG_INS_OVERALL", 3_000, minimum=10, maximum=1_000_000)

# JSON Schemas (Draft 2020-12) of what applications note about people; none lets everything in.
PUBLIC_METADATA_SCHEMA = env.mapping("PUBLIC_METADATA_SCHEMA")
PRIVATE_METADATA_SCHEMA = env.mapping("PRIVATE_METADATA_SCHEMA")

# Second factors ---------------------------------------------------------------------------

# What authenticator apps and passkeys call this service.
SERVICE_NAME = env.text("SERVICE_NAME", default="Roster")
# Who must have one: nobody (`optional`), `staff`, or `all`; from so many days on after the account
# was made or, for older accounts, after the policy was.
SECOND_FACTOR = env.choice("SECOND_FACTOR", "optional", "staff", "all", default="optional")
SECOND_FACTOR_GRACE = timedelta(
    days=env.number("SECOND_FACTOR_GRACE_DAYS", 7, minimum=0, maximum=365)
)
SECOND_FACTOR_SINCE = env.date("SECOND_FACTOR_SINCE")
# How long an authentication is recent, as mutations with `reauthenticate=True` require.
REAUTHENTICATION_TTL = timedelta(
    minutes=env.number("REAUTHENTICATION_MINUTES", 10, minimum=1, maximum=60)
)
# For how long administrators may act in somebody's name at the most; 0 for not at all.
IMPERSONATION_MAX = timedelta(
    minutes=env.number("IMPERSONATION_MAX_MINUTES", 30, minimum=0, maximum=60)
)
# How long a log-in waits for its second factor, a passkey's challenge for its answer, and a secret
# for the first code made of it.
PENDING_LOG_IN_TTL = timedelta(minutes=10)
PASSKEY_CHALLENGE_TTL = timedelta(minutes=5)
TOTP_ENROLLMENT_TTL = timedelta(minutes=30)
# The domain that passkeys are bound to, and the origins of the pages that may use them (Web
# Authentication Level 3).
WEBAUTHN_RP_ID = env.text("WEBAUTHN_RP_ID", default=urlsplit(PUBLIC_URL).hostname)
WEBAUTHN_ORIGINS = [
    origin.rstrip("/") for origin in env.names("WEBAUTHN_ORIGINS", default=[PUBLIC_URL])
]

# HTTP ------------------------------------------------------------------------------------

# How many proxies in front append to X-Forwarded-For; what stands before that is hearsay.
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, minimum=0, maximum=10)
SECURE = urlsplit(PUBLIC_URL).scheme == "https"
SECURE_CONTENT_TYPE_NOSNIFF = True
# Not stricter: browsers would send `Origin: null` with forms, which the CSRF check refuses.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = (
    env.number("HSTS_SECONDS", 31_536_000, minimum=0, maximum=63_072_000) if SECURE else 0
)
# W005 and W021 ask for HSTS of subdomains, of which this service knows nothing.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# Whether a request came by HTTPS is for gunicorn to say: it knows the proxies to believe.
SECURE_SSL_REDIRECT = SECURE
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE = "__Host-roster" if SECURE else "roster"
DEVICE_COOKIE = "__Host-roster-device" if SECURE else "roster-device"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
X_FRAME_OPTIONS = "DENY"

# How long a client may take to send a request's head and its body, and to read the answer.
WEB_HEAD_SECONDS = env.number("WEB_HEAD_SECONDS", 10, minimum=1, maximum=600)
WEB_BODY_SECONDS = env.number("WEB_BODY_SECONDS", 30, minimum=1, maximum=600)
WEB_ANSWER_SECONDS = env.number("WEB_ANSWER_SECONDS", 30, minimum=1, maximum=600)

# While this file exists, /readyz answers 503: create it, wait, then stop the process.
DRAIN_FILE = env.text("DRAIN_FILE", default="")

# Off, operations are executed by graphql-core alone, which answers alike.
GRAPHQL_ENGINE = env.flag("GRAPHQL_ENGINE", default=True)
# Answers operations past Django's handler; without it they take longer, and are answered alike.
FAST_PATH = env.flag("FAST_PATH", default=True)
# Introspection: for all clients, or for signed-in ones.
INTROSPECTION = env.choice("INTROSPECTION", "all", "signed-in", default="all")
GRAPHQL_MAX_BODY_BYTES = env.number(
    "GRAPHQL_MAX_BODY_BYTES", 100_000, minimum=1_000, maximum=10_000_000
)
DATA_UPLOAD_MAX_MEMORY_SIZE = GRAPHQL_MAX_BODY_BYTES
# An operation whose answer would have more bytes is cancelled before they are made.
GRAPHQL_MAX_RESPONSE_BYTES = env.number(
    "GRAPHQL_MAX_RESPONSE_BYTES", 10_000_000, minimum=100_000, maximum=1_000_000_000
)
# How many points a client may spend in a minute, in each process; 0 for any number.
GRAPHQL_POINTS_PER_MINUTE = env.number(
    "GRAPHQL_POINTS_PER_MINUTE", 12_000, minimum=0, maximum=1_000_000_000
)

# Files that people upload: in a directory, or in what django-storages and its like bring. They are
# served under /media/ here, unless another address is given. Without either, none are kept.
MEDIA_ROOT = env.text("MEDIA_ROOT", default="")
MEDIA_STORAGE = env.text("MEDIA_STORAGE", default="")
MEDIA_URL = env.text("MEDIA_URL", default="")
SERVES_MEDIA = not (MEDIA_URL or MEDIA_STORAGE)
if SERVES_MEDIA:
    MEDIA_URL = f"{PUBLIC_URL}/media/"
KEEPS_FILES = bool(MEDIA_ROOT or MEDIA_STORAGE)
AVATAR_MAX_BYTES = env.number("AVATAR_MAX_BYTES", 5_000_000, minimum=10_000, maximum=50_000_000)
AVATAR_MAX_PIXELS = env.number("AVATAR_MAX_PIXELS", 25_000_000, minimum=10_000, maximum=200_000_000)
# What is larger as a whole is refused, so all that is let in is held in memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = AVATAR_MAX_BYTES + GRAPHQL_MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FILES = 4

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
CONSOLE_BUNDLE = BASE_DIR / "console" / "dist"
STATICFILES_DIRS = [
    BASE_DIR / "core" / "static",
    *([CONSOLE_BUNDLE] if CONSOLE_BUNDLE.is_dir() else []),
]
WHITENOISE_USE_FINDERS = DEMO
# What only its owner gets, such as exports of personal data; one for all replicas and workers.
PRIVATE_FILES_DIR = env.text("PRIVATE_FILES_DIR", default=str(BASE_DIR / ".data" / "files"))
STATIC_FILES_STORAGE = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEMO
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"
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

EMAIL_TIMEOUT = 10
vars().update(env.smtp("EMAIL_URL", default="smtp://localhost"))
DEFAULT_FROM_EMAIL = env.sender("MAIL_FROM", default=f"Roster <no-reply@{ALLOWED_HOSTS[0]}>")

# Language, time, logs --------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "users" / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

LOGGING = logging_config(log_format(env, is_demo=DEMO))

UNFOLD = UNFOLD_THEME
