"""Resealing secrets at rest after a change of SECRET_KEY."""

from core.database.sealed_columns import sealed_columns


def reseal_secrets() -> int:
    """Reseal secrets from `settings.SECRET_KEY_FALLBACKS` under SECRET_KEY; return their number.

    Safe to interrupt and to run while the service runs. Raises `UnsealError` for a secret that no
    key opens.
    """
    return sum(column.reseal() for column in sealed_columns())
