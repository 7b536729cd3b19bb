"""The modules that register pages; Django's autodiscovery imports this one."""

from users.admin import outbox
from users.admin.people import users

__all__ = ["outbox", "users"]
