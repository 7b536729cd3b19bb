"""Memory that forked processes share with the process that forked them."""

import gc


def share_objects() -> None:
    """Exclude all objects from garbage collection, to be called before forking.

    Each collection would traverse several hundred thousand of them, and writing to their headers
    would copy their pages into each forked process (copy-on-write).
    """
    gc.collect()
    gc.freeze()
