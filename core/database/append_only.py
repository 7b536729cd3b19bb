"""Tables that the service may add to and read."""

from django.db import models


class AppendOnly(models.Model):
    """Rows that the service's database role may add and read, and do nothing else to."""

    class Meta:
        """A mark for `manage.py migrate`, which grants what the service may do."""

        abstract = True
