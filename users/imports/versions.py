"""Which changes of imports touch which entities: none."""

from core.versions.touches import TouchesNothing, register_touches
from users.imports.models import ExternalId

register_touches(TouchesNothing(ExternalId, "Written by each import, for each of its users."))
