"""The image, built by buildah, and commands in it as a container runtime starts them."""

import json
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.image.bases import buildah, has_image, make_bases, registry_volumes
from tests.system.dockerfile import Dockerfile, context_digest
from tests.system.repository import text

NAME: Final = "localhost/roster-under-test"
# The namespaces end with the process that is waited for.
NAMESPACES: Final = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec")
# Like a runtime with a read-only root and without new privileges. The volumes are as new ones,
# which inherit the owner of their directory in the image.
CONTAINER: Final = """
mount --rbind {root} {mount}
mount -o remount,bind,ro {mount}
mount --rbind /dev {mount}/dev
mount -t proc proc {mount}/proc
mount -t tmpfs -o mode=1777 tmpfs {mount}/tmp
mount -t tmpfs -o mode=1777 tmpfs {mount}/dev/shm
mount -t tmpfs -o uid={uid},gid={gid},mode=700 tmpfs {mount}/files
mount -t tmpfs -o uid={uid},gid={gid} tmpfs {mount}/media
exec setpriv --no-new-privs chroot --userspec={uid}:{gid} --groups= {mount} \
    env -i {environ} sh -c 'cd {directory} && exec "$@"' sh {command}
"""


def build() -> str:
    """Return the name of this tree's image; build it if it is missing."""
    dockerfile = Dockerfile(text("Dockerfile"))
    name = f"{NAME}:{context_digest(dockerfile)}"
    if not has_image(name):
        for former in json.loads(buildah("images", "--json", "--filter", f"reference={NAME}")):
            buildah("rmi", "--force", former["id"])
        make_bases(sorted(set(dockerfile.bases.values())))
        # Docker's format has the health check.
        options = ("--isolation", "chroot", "--network", "host", "--format", "docker")
        buildah("build", *options, "--pull-never", *registry_volumes(), "--tag", name, ".")
    return name


def megabytes(name: str) -> int:
    """Return the size of an image, its base included."""
    (found,) = json.loads(buildah("images", "--json", "--filter", f"reference={name}"))
    number, unit = found["size"].split()
    assert unit == "MB"
    return round(float(number))


@dataclass(frozen=True)
class Image:
    """An image whose root file system is mounted."""

    root: Path
    config: dict[str, Any]

    def command(self, *arguments: str, **environ: str) -> list[str]:
        """Return a command that runs one in a new container; by default, the image's own.

        It is root's, as it makes namespaces. The container shares the machine's network.
        """
        mount = Path(tempfile.mkdtemp(prefix="container-", dir=self.root.parent))
        uid, gid = self.config["User"].split(":")
        variables = dict(each.split("=", 1) for each in self.config["Env"]) | environ
        script = CONTAINER.format(
            root=self.root,
            mount=mount,
            uid=uid,
            gid=gid,
            directory=self.config["WorkingDir"],
            environ=shlex.join(f"{name}={value}" for name, value in variables.items()),
            command=shlex.join(arguments or self.config["Cmd"]),
        )
        return [*NAMESPACES, script]

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container to its end."""
        command = self.command(*arguments, **environ)
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    @contextmanager
    def running(
        self, log: Path, *arguments: str, **environ: str
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a command in a container within the block; kill what is left of it."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(*arguments, **environ), stdout=output, stderr=output
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def mounted(name: str) -> Iterator[Image]:
    """Mount a container of an image within the block."""
    config = json.loads(buildah("inspect", "--type", "image", name))["Docker"]["config"]
    container = buildah("from", "--pull-never", name)
    try:
        yield Image(Path(buildah("mount", container)), config)
    finally:
        buildah("rm", container)
