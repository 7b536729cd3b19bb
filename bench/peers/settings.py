"""Django's settings for the peers on Django, with Roster's models and nothing else of Roster.

The only middleware sets Content-Length. Only the scenario `session` authenticates, in its view or
field; connections are persistent, and statements are prepared by the server.
"""

import os

from bench.peers import SESSION_OPTIONS
from core.settings import *  # noqa: F403 - the settings of the models and their apps
from core.settings import DATABASES

ROOT_URLCONF = os.environ["BENCH_URLS"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
# It would answer the peer's operations by Roster's schema.
FAST_PATH = False
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
DATABASES["default"]["OPTIONS"] |= {
    "options": SESSION_OPTIONS,
    "server_side_binding": True,
    "prepare_threshold": 1,
}

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["drf_orjson_renderer.renderers.ORJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["drf_orjson_renderer.parsers.ORJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}
