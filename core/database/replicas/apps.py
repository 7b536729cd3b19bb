"""The Django app of the replicas."""

from django.apps import AppConfig


class ReplicasConfig(AppConfig):
    """Registers the app under its short label."""

    name = "core.database.replicas"
    label = "replicas"
