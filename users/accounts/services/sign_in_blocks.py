"""Registered reasons for which a user may not sign in, beside suspension."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from core.errors import Problem

SignInBlock = Callable[[UUID], Problem | None]
BlockTransfer = Callable[[UUID], bool]

_sign_in_blocks: Final[list[SignInBlock]] = []
_block_transfers: Final[list[BlockTransfer]] = []


def register_sign_in_block(block: SignInBlock) -> SignInBlock:
    """Register the decorated function, which returns the block of a user and its remedy."""
    _sign_in_blocks.append(block)
    return block


def find_sign_in_block(user_id: UUID) -> Problem | None:
    """Return the first registered block of a user, or None."""
    return next((problem for block in _sign_in_blocks if (problem := block(user_id))), None)


def register_block_transfer(transfer: BlockTransfer) -> BlockTransfer:
    """Register the decorated function, which turns its block into a deactivation.

    So the user stays inactive when the block ends. It returns True if this changed the outcome.
    """
    _block_transfers.append(transfer)
    return transfer


def transfer_blocks(user_id: UUID) -> bool:
    """Turn all blocks of a user into a deactivation; return True if any changed."""
    changes = [transfer(user_id) for transfer in _block_transfers]
    return any(changes)
