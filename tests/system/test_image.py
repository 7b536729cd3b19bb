"""Static checks of the Dockerfile, without a build."""

import json
import re
import shlex
import subprocess
import sys

import pytest
from django.conf import settings

from tests.system.dockerfile import Dockerfile, is_ignored
from tests.system.repository import PINNED, ROOT, text


@pytest.fixture(scope="module")
def dockerfile() -> Dockerfile:
    return Dockerfile(text("Dockerfile"))


def test_the_image_has_three_stages_of_pinned_bases(dockerfile: Dockerfile) -> None:
    assert list(dockerfile.stages) == ["console", "build", ""]
    assert all(PINNED.fullmatch(base) for base in dockerfile.bases.values())
    assert dockerfile.bases["build"] == dockerfile.bases[""]
    assert dockerfile.bases[""].startswith(f"python:3.{sys.version_info.minor}.")
    known = {"COPY", "RUN", "WORKDIR", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"}
    assert {name for stage in dockerfile.stages.values() for name, _rest in stage} <= known


def test_copied_files_exist_in_the_build_context(dockerfile: Dockerfile) -> None:
    copied = set()
    for stage in dockerfile.stages:
        for copy in dockerfile.of(stage, "COPY"):
            words = shlex.split(copy)
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in dockerfile.stages
            else:
                copied |= set(words[:-1])
    assert {"engine", "core", "users", "schema", "manage.py", "gunicorn.conf.py"} <= copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert not is_ignored(source), source


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".data/secret_key",
        "k8s/secret.env",
        "console/node_modules/react/index.js",
        "console/dist/console/console.js",
        "core/__pycache__/env.cpython-311.pyc",
        "users/locale/de/LC_MESSAGES/django.mo",
    ],
)
def test_excluded_files_are_not_in_the_build_context(path: str) -> None:
    assert is_ignored(path)


def test_image_installs_locked_versions(dockerfile: Dockerfile) -> None:
    assert "npm ci --omit=dev" in dockerfile.of("console", "RUN")
    commands = dockerfile.of("build", "RUN")
    steps = [part for run in commands for part in run.split(" && ")]
    installs = [step for step in steps if "/pip " in step and " install " in step]
    assert len(installs) == 2
    assert all("--require-hashes" in install for install in installs)
    [extract] = [step for step in steps if step.startswith("sed")]
    program = shlex.split(extract)
    lock = subprocess.run(program[:4], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert lock.startswith("babel==")
    assert [line.split("=")[0].strip() for line in lock.splitlines()[1:]] == ["--hash"] * 2


def test_image_has_the_languages_of_the_service(dockerfile: Dockerfile) -> None:
    [prune] = [run for run in dockerfile.of("build", "RUN") if "*/locale/*" in run]
    kept = set(re.findall(r"-not -name ([a-z-]+)\b", prune))
    assert kept == {code for code, _name in settings.LANGUAGES}


def test_image_runs_as_an_unprivileged_user(dockerfile: Dockerfile) -> None:
    [user] = dockerfile.of("", "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    [command] = dockerfile.of("", "CMD")
    program, option, config = json.loads(command)
    assert re.search(rf"^{program}==", text("requirements.lock"), re.MULTILINE)
    assert option == "--config"
    assert (ROOT / config).is_file()
    [check] = dockerfile.of("", "HEALTHCHECK")
    probe = json.loads(check[check.index("CMD") + 3 :])
    assert probe[0] == "python"
    assert "/livez" in probe[2]
    compile(probe[2], "HEALTHCHECK", "exec")
