"""Pickles that leave a trace when somebody reads them."""

import os
import pickle
from pathlib import Path


class Bomb:
    """Makes a directory when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def bomb(trace: Path) -> bytes:
    """Return a pickle that works, as a first reading shows."""
    data = pickle.dumps(Bomb(trace))
    pickle.loads(data)  # noqa: S301 - that is what it is for
    trace.rmdir()
    return data
