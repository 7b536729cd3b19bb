"""Infrastructure without knowledge of users."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
