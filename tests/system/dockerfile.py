"""The Dockerfile and .dockerignore, parsed."""

import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

from tests.system.repository import ROOT, text


class Dockerfile:
    """The instructions of each stage, with continuation lines joined."""

    def __init__(self, source: str) -> None:
        lines = [line for line in source.splitlines() if not line.lstrip().startswith("#")]
        joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
        self.stages: dict[str, list[tuple[str, str]]] = {}
        self.bases: dict[str, str] = {}
        for line in filter(None, joined.splitlines()):
            instruction, _space, rest = line.strip().partition(" ")
            if instruction == "FROM":
                base, _as, name = rest.partition(" AS ")
                self.bases[name] = base
                self.stages[name] = []
            else:
                self.stages[next(reversed(self.stages))].append((instruction, rest))

    def of(self, stage: str, instruction: str) -> list[str]:
        return [rest for name, rest in self.stages[stage] if name == instruction]

    def sources(self) -> set[str]:
        """Return the paths of the build context that are copied."""
        copies = [shlex.split(copy) for stage in self.stages for copy in self.of(stage, "COPY")]
        return {
            path for words in copies if not words[0].startswith("--from=") for path in words[:-1]
        }


def is_ignored(path: str) -> bool:
    """Return whether .dockerignore excludes a path; the last matching pattern decides."""
    ignored = False
    parts = path.split("/")
    parents = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    for line in text(".dockerignore").splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#"):
            anywhere = pattern.startswith("**/")
            candidates = parts if anywhere else parents
            if any(fnmatch(candidate, pattern.removeprefix("**/")) for candidate in candidates):
                ignored = not line.startswith("!")
    return ignored


def context_digest(dockerfile: Dockerfile) -> str:
    """Return a digest of the Dockerfile and of all files that it copies."""
    digest = sha256(text("Dockerfile").encode())
    for path in sorted({each for source in dockerfile.sources() for each in _files(ROOT / source)}):
        digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_mode:o}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files(path: Path) -> Iterator[Path]:
    """Yield the files of a path that are not ignored."""
    if path.is_dir():
        for child in path.iterdir():
            if not is_ignored(str(child.relative_to(ROOT))):
                yield from _files(child)
    elif not is_ignored(str(path.relative_to(ROOT))):
        yield path
