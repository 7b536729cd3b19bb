"""The Python client, installed from its wheel, against a real service."""

import base64
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.factories import PASSWORD, make_api_token, make_user
from tests.support.images import make_image
from tests.support.second_factors import age_authentication
from tests.system.cluster import Replica
from tests.system.programs import run
from tests.system.repository import ROOT, text
from tests.system.services import expired, log_in, service_at, url_of
from users.scopes import Scope

pytestmark = pytest.mark.usefixtures("transactional_db")

PACKAGE: Final = ROOT / "clients" / "python"
LOCK: Final = PACKAGE / "requirements.lock"
CHECKED: Final = ("generate.py", "src", "tests")
# The environment of the package's tools, which developers use as well.
TOOLS: Final = PACKAGE / ".venv"
# Each kind of client changes users of its own.
KINDS: Final = ("sync", "async")
# Users whose access token has expired.
EXPIRED: Final = ("bob", "carl", "dan", "erin")
# Users who authenticated long ago.
AGED: Final = ("charlie", "frank")


def readme_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a module of the README's examples."""
    examples = re.findall(r"```python\n(.*?)```", text("clients/python/README.md"), re.DOTALL)
    path = tmp_path_factory.mktemp("readme") / "examples.py"
    path.write_text("\n".join(examples), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package's tools, generate, check types, and build the wheel."""
    run(PACKAGE, "uv", "venv", "--clear", "--python", sys.executable, str(TOOLS))
    run(PACKAGE, "uv", "pip", "sync", "--python", str(TOOLS), "--require-hashes", str(LOCK))
    python = str(TOOLS / "bin" / "python")
    run(PACKAGE, python, "generate.py")
    run(PACKAGE, python, "-m", "mypy", *CHECKED, str(readme_code(tmp_path_factory)))
    shutil.rmtree(PACKAGE / "dist", ignore_errors=True)
    run(PACKAGE, python, "-m", "hatchling", "build")
    (wheel,) = PACKAGE.glob("dist/*.whl")
    return wheel


@pytest.fixture
def python(wheel: Path, tmp_path: Path) -> str:
    """Return the Python of an environment with the wheel, and what it requires itself."""
    environment = tmp_path / "environment"
    run(PACKAGE, "uv", "venv", "--python", sys.executable, str(environment))
    install = ("uv", "pip", "install", "--python", str(environment), "--constraint", str(LOCK))
    run(PACKAGE, *install, f"{wheel}[jwt]", "pytest")
    return str(environment / "bin" / "python")


@pytest.fixture
def service(tmp_path: Path, settings: Any) -> Iterator[Replica]:
    with service_at(tmp_path, settings, SIGN_UP="open") as replica:
        yield replica


def stored(tokens: dict[str, str]) -> str:
    """Return what the client stores of a session."""
    return json.dumps(
        {"access_token": tokens["accessToken"], "refresh_token": tokens["refreshToken"]}
    )


def test_client_works_from_its_wheel(
    service: Replica, python: str, settings: Any, tmp_path: Path
) -> None:
    for kind in KINDS:
        for name in ("alice", "dora", *EXPIRED, *AGED):
            make_user(f"{name}-{kind}", is_public=True)
    root = make_user("root", is_staff=True, is_superuser=True)
    logins = [f"{name}-{kind}" for kind in KINDS for name in ("alice", *EXPIRED, *AGED)]
    tokens = {login: log_in(service, login) for login in logins}
    for login in logins:
        if login.startswith(EXPIRED):
            tokens[login] = expired(tokens[login], login, settings)
    age_authentication()

    described = {
        "url": url_of(service),
        "password": PASSWORD,
        "api_token": make_api_token(root, Scope.PROFILE_READ),
        "image": base64.b64encode(make_image("PNG")).decode(),
        "storages": {login: stored(each) for login, each in tokens.items()},
    }
    # It would close the directory of these tests' files to PostgreSQL.
    own = ("--basetemp", str(tmp_path / "files"))
    pytest_command = (python, "-m", "pytest", "-q", "--durations=8", *own)
    run(PACKAGE, *pytest_command, ROSTER_SERVICE=json.dumps(described))
