"""Another Django project, with a database and users, from which operators move in."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings as service_settings
from django.db import connection
from psycopg import sql

# As allauth's, whose tables are read.
MODELS: Final = """
from django.contrib.auth.models import User
from django.db import models

class EmailAddress(models.Model):
    user = models.ForeignKey(User, models.CASCADE)
    email = models.EmailField(max_length=254)
    verified = models.BooleanField(default=False)
    primary = models.BooleanField(default=False)

    class Meta:
        db_table = "account_emailaddress"

class SocialAccount(models.Model):
    user = models.ForeignKey(User, models.CASCADE)
    provider = models.CharField(max_length=200)
    uid = models.CharField(max_length=191)

    class Meta:
        db_table = "socialaccount_socialaccount"

class Person(models.Model):
    password = models.CharField(max_length=128)
    last_login = models.DateTimeField(null=True)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=300)
"""
SETTINGS: Final = """
import os
INSTALLED_APPS += ["allauth_like"]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql",
    **{name: os.environ[f"SHOP_{name}"] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")},
}}
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in (
    "PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "Scrypt",
)]
"""


class DjangoProject:
    """A project that `django-admin` made, and the URL of its database."""

    def __init__(self, path: Path, parameters: dict[str, str]) -> None:
        self._path = path
        self._parameters = parameters
        host, port, name = (parameters[key] for key in ("HOST", "PORT", "NAME"))
        credentials = f"{parameters['USER']}:{parameters['PASSWORD']}"
        self.url = f"postgres://{credentials}@/{name}?host={host}&port={port or 5432}"

    def manage(self, *arguments: str, code: str = "") -> None:
        """Run a command of the project in a process of its own."""
        names = {f"SHOP_{name}": value for name, value in self._parameters.items()}
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self._path,
            env=kept | names,
            input=code.encode(),
            check=True,
            capture_output=True,
        )

    def run(self, code: str) -> None:
        """Run Python code with the project's models."""
        self.manage("shell", code=f"from django.contrib.auth.models import *\n{code}\n")

    def execute(self, statement: str, *values: Any) -> None:
        """Execute a statement in the project's database."""
        with psycopg.connect(self.url) as project:
            project.execute(statement, values)


@contextmanager
def django_project(path: Path) -> Iterator[DjangoProject]:
    """Make a project with a database of its own, which is dropped in the end."""
    owner = service_settings.MIGRATION_DATABASE
    parameters = {
        name: str(owner[name] or connection.settings_dict[name] or "")
        for name in ("USER", "PASSWORD", "HOST", "PORT")
    } | {"NAME": f"shop_{os.getpid()}"}
    conninfo: dict[str, Any] = {
        "host": parameters["HOST"],
        "port": parameters["PORT"] or "5432",
        "user": parameters["USER"],
        "password": parameters["PASSWORD"],
    }
    name = sql.Identifier(parameters["NAME"])
    with psycopg.connect(**conninfo, dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
        subprocess.run(
            [sys.executable, "-m", "django", "startproject", "shop", str(path)],
            check=True,
            env={"PATH": os.environ["PATH"]},
        )
        app = path / "allauth_like"
        app.mkdir()
        (app / "__init__.py").touch()
        (app / "models.py").write_text(MODELS)
        with (path / "shop" / "settings.py").open("a") as file:
            file.write(SETTINGS)
        project = DjangoProject(path, parameters)
        project.manage("makemigrations", "allauth_like")
        project.manage("migrate")
        yield project
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
