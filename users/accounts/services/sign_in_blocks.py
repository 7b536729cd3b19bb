"""Why somebody may not sign in, beyond what this app and the suspensions know of."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from core.errors import Problem

SignInBlock = Callable[[UUID], Problem | None]
BlockTransfer = Callable[[UUID], bool]

_sign_in_blocks: Final[list[SignInBlock]] = []
_block_transfers: Final[list[BlockTransfer]] = []


def register_sign_in_block(block: SignInBlock) -> SignInBlock:
    """Register the decorated function, which says what keeps a person out, and what to do."""
    _sign_in_blocks.append(block)
    return block


def find_sign_in_block(user_id: UUID) -> Problem | None:
    """Return the first reason that there is for a person not to be let in."""
    return next((problem for block in _sign_in_blocks if (problem := block(user_id))), None)


def register_block_transfer(transfer: BlockTransfer) -> BlockTransfer:
    """Register the decorated function, which has a person stay out when its reason is gone.

    It returns whether they would have been let in.
    """
    _block_transfers.append(transfer)
    return transfer


def transfer_blocks(user_id: UUID) -> bool:
    """Have a person stay out when no reason is left; return whether they would have been let in."""
    changes = [transfer(user_id) for transfer in _block_transfers]
    return any(changes)
