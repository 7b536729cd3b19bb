"""The WSGI application."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from core.web.fast_path import FastPath, WSGIApplication

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

application: WSGIApplication = get_wsgi_application()
if settings.FAST_PATH:
    application = FastPath(application)
