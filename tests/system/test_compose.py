"""The compose file is hardened, and runs what the Kubernetes base runs."""

import re
import runpy
import tomllib
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings

from tests.system.environments import (
    SECRET_KEY,
    WORKERS,
    assert_starts_with,
    example_secret,
    variables_read,
)
from tests.system.kubernetes import Manifest, container, kustomize
from tests.system.repository import PINNED, ROOT, text

COMPOSE_SECRETS = {
    "SECRET_KEY": SECRET_KEY,
    "POSTGRES_PASSWORD": "s3cret",
    "POSTGRES_OWNER_PASSWORD": "m0re",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Manifest]:
    compose = yaml.safe_load(text("compose.yaml"))
    found: dict[str, Manifest] = compose["services"]
    return found


def interpolate(value: str, variables: dict[str, str]) -> str:
    """Interpolate ${NAME:-default} and ${NAME:?problem}."""

    def one(found: re.Match[str]) -> str:
        name, operator, rest = found.groups()
        if operator == "?" and name not in variables:
            raise LookupError(rest)
        return variables.get(name, rest)

    return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", one, value)


def test_only_migrations_have_the_owner_credentials(services: dict[str, Manifest]) -> None:
    for environment in (
        example_secret() | example_secret("owner.secret"),
        services["migrate"]["environment"],
    ):
        service, owner = (
            urlsplit(interpolate(environment[name], COMPOSE_SECRETS))
            for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL")
        )
        assert (service.username, owner.username) == ("roster", "roster_owner")
        assert (service.hostname, service.path) == (owner.hostname, owner.path)
    assert set(example_secret("owner.secret")) == {"MIGRATION_DATABASE_URL"}
    for name in set(services) - {"migrate", "postgres"}:
        assert "owner" not in str(services[name]).lower()


def test_compose_needs_three_secrets_and_starts_with_them(services: dict[str, Manifest]) -> None:
    environment = services["migrate"]["environment"]
    assert set(services["web"]["environment"]) | set(environment) <= variables_read()
    for name in WORKERS:
        assert services[name]["environment"].items() <= services["web"]["environment"].items()
    assert services["beat"]["environment"].items() <= environment.items()
    for missing in COMPOSE_SECRETS:
        others = {name: value for name, value in COMPOSE_SECRETS.items() if name != missing}
        with pytest.raises(LookupError, match=f"set {missing} to "):
            [interpolate(value, others) for value in environment.values()]
    for name in ("web", "migrate"):
        values = services[name]["environment"].items()
        assert_starts_with({key: interpolate(value, COMPOSE_SECRETS) for key, value in values})


def test_compose_creates_both_roles(services: dict[str, Manifest]) -> None:
    postgres = services["postgres"]
    url = services["migrate"]["environment"]["MIGRATION_DATABASE_URL"]
    owner = urlsplit(interpolate(url, COMPOSE_SECRETS))
    created = {
        name: interpolate(value, COMPOSE_SECRETS) for name, value in postgres["environment"].items()
    }
    assert created == {
        "POSTGRES_USER": owner.username,
        "POSTGRES_PASSWORD": owner.password,
        "POSTGRES_DB": owner.path.removeprefix("/"),
    }

    [config] = postgres["configs"]
    script = yaml.safe_load(text("compose.yaml"))["configs"][config["source"]]["content"]
    assert interpolate(script, COMPOSE_SECRETS) == "CREATE ROLE roster LOGIN PASSWORD 's3cret';\n"
    # tests/core/test_append_only.py runs the document's statements.
    assert interpolate(script, {"POSTGRES_PASSWORD": "…"}) in text("docs/deployment.md")
    assert config["target"].startswith("/docker-entrypoint-initdb.d/")
    assert config["target"].endswith(".sql")


def test_compose_and_kubernetes_run_the_same(services: dict[str, Manifest]) -> None:
    manifests = kustomize(ROOT / "k8s" / "base")
    project = tomllib.loads(text("pyproject.toml"))["project"]
    image = f"roster:{project['version']}"
    for component in ("web", "beat", "migrate", *WORKERS):
        pod = container(manifests, component)
        assert pod["image"] == services[component]["image"] == image
        assert pod.get("args") == services[component].get("command")
        assert "command" not in pod
    assert [name for name, service in services.items() if "build" in service] == ["web"]


def test_compose_waits_for_what_it_needs(services: dict[str, Manifest]) -> None:
    needs = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    after_migrate = {
        "migrate": "service_completed_successfully",
        "redis": "service_healthy",
    }
    assert needs == {
        "nginx": {"web": "service_healthy"},
        "web": after_migrate,
        "beat": after_migrate,
        **dict.fromkeys(WORKERS, after_migrate),
        "migrate": {"postgres": "service_healthy"},
        "postgres": {},
        "redis": {},
        "mailpit": {},
    }
    for name in ("nginx", "web", "postgres", "redis"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    for name in ("beat", "migrate", *WORKERS):
        assert services[name]["healthcheck"] == {"disable": True}
    gunicorn = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert seconds(services["web"]["stop_grace_period"]) > gunicorn["graceful_timeout"]
    for name in WORKERS:
        assert seconds(services[name]["stop_grace_period"]) > settings.CELERY_TASK_TIME_LIMIT


def seconds(duration: str) -> int:
    assert duration.endswith("s")
    return int(duration.removesuffix("s"))


def test_compose_exposes_nginx_only_and_pins_every_image(services: dict[str, Manifest]) -> None:
    for name, service in services.items():
        assert PINNED.fullmatch(service["image"]), name
        for port in service.get("ports", []):
            assert interpolate(port, {}).startswith("127.0.0.1:")
    assert [name for name, service in services.items() if "ports" in service] == [
        "nginx",
        "mailpit",
    ]
    assert services["web"]["deploy"]["replicas"] == 2


def test_compose_configures_nginx(services: dict[str, Manifest]) -> None:
    template = text("nginx.conf.template")
    environment = services["nginx"]["environment"]
    used = set(re.findall(r"\$\{(\w+)\}", template))
    assert used == {name for name in environment if name.startswith("ROSTER_")}
    assert environment["NGINX_ENVSUBST_FILTER"] == "ROSTER_"
    size = environment["ROSTER_MAX_BODY"]
    assert int(size.removesuffix("k")) * 1024 > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    assert int(environment["ROSTER_MAX_PER_ADDRESS"]) > 0
    [source, target, mode] = services["nginx"]["volumes"][0].split(":")
    assert (ROOT / source).is_file()
    assert (target, mode) == ("/etc/nginx/templates/nginx.conf.template", "ro")

    gunicorn = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    block = template[template.index("upstream roster {") :]
    idle = re.search(r"keepalive_timeout (\w+);", block)
    assert idle
    assert gunicorn["keepalive"] > seconds(idle[1])
