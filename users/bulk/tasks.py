"""Background work of bulk actions."""

from datetime import timedelta
from uuid import UUID

from core.outbox.periodic import periodic
from core.outbox.registry import subscriber
from users.bulk.services.cancel import prune_bulk_actions
from users.bulk.services.run import TOPIC, carry_out


@subscriber(TOPIC)
def take_turn(bulk_action_id: str, turn: int) -> None:
    """Go on with a bulk action for a while."""
    carry_out(UUID(bulk_action_id), turn=turn)


@periodic("users.bulk.prune", every=timedelta(minutes=10))
def prune() -> None:
    """Remove bulk actions that ended long ago."""
    prune_bulk_actions()
