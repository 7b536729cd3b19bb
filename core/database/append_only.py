"""Append-only tables."""

from django.db import models


class AppendOnly(models.Model):
    """Base of models whose rows the service's database role may only insert and select.

    `manage.py migrate` grants the rights of the role accordingly.
    """

    class Meta:
        """No table of its own."""

        abstract = True
