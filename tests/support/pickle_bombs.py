"""Pickles that leave a trace when they are loaded."""

import os
import pickle
from pathlib import Path


class Bomb:
    """Creates a directory when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def bomb(trace: Path) -> bytes:
    """Return a pickle bomb, verified by loading it once."""
    data = pickle.dumps(Bomb(trace))
    pickle.loads(data)  # noqa: S301 - the purpose of the test
    trace.rmdir()
    return data
