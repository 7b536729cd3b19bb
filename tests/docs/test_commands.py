"""Commands of `manage.py` that the documentation shows can be given as they are written."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

import pytest
from django.conf import settings
from django.core.management import CommandError, get_commands, load_command_class
from django.core.management.base import BaseCommand

from tests.docs.test_links import PAGES, ROOT

BLOCK: Final = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"`([^`\n]+)`")
COMMAND: Final = re.compile(r'manage\.py ([a-z_]+.*)|make manage ARGS="([^"]+)"')
# The app of the demo is installed by `DEMO` only.
DEMO: Final = {"seed": "users.demo"}
# What ends a command in a shell.
ENDS: Final = {">", ">>", "|", "&&", ";"}


def commands_in(text: str) -> Iterator[tuple[str, bool]]:
    """Yield a page's commands, and whether each stands in text, so may be cut."""
    blocks = BLOCK.findall(text)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            yield from ((found, False) for found in map("".join, COMMAND.findall(line)))
    for code in CODE.findall(BLOCK.sub("", text)):
        yield from ((found, True) for found in map("".join, COMMAND.findall(code)))


DOCUMENTED: Final = sorted(
    {
        (str(page), *command)
        for page in PAGES
        for command in commands_in((ROOT / page).read_text(encoding="utf-8"))
    }
)


def command_of(name: str) -> BaseCommand:
    """Return a command. Raises `CommandError` if there is none."""
    app = DEMO.get(name) or get_commands().get(name)
    if app is None:
        raise CommandError(f"There is no command {name}.")
    return app if isinstance(app, BaseCommand) else load_command_class(app, name)


def parse(command: str, *, is_cut: bool) -> None:
    """Parse a command as `manage.py` does. Raises `CommandError`."""
    # Options in brackets may be left out; what follows a # is a comment.
    words = shlex.split(re.sub(r"[\[\]]", " ", command), comments=True)
    name, *arguments = takewhile(lambda word: word not in ENDS, words)
    parser = command_of(name).create_parser("manage.py", name)
    try:
        parser.parse_args(arguments)
    except CommandError as error:
        if not (is_cut and "arguments are required" in str(error)):
            raise


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda item: f"{item[0]}: {item[1]}")
def test_documented_commands_parse(documented: tuple[str, str, bool]) -> None:
    _page, command, is_cut = documented
    parse(command, is_cut=is_cut)


def test_runbook_has_no_remote_control_of_workers() -> None:
    assert not settings.CELERY_WORKER_ENABLE_REMOTE_CONTROL
    for page in (ROOT / "docs/runbook").glob("*.md"):
        assert "celery -A core inspect" not in page.read_text(encoding="utf-8"), page


def test_commands_are_found_and_others_refused() -> None:
    pages = {page for page, _command, _is_cut in DOCUMENTED}
    assert {"CONTRIBUTING.md", "docs/moving-in.md", "docs/runbook/alerts.md"} <= pages
    shown = "```sh\nmanage.py outbox failed \\\n  --subscriber x  # all\n```\n`manage.py outbox`"
    assert list(commands_in(shown)) == [
        ("outbox failed    --subscriber x  # all", False),
        ("outbox", True),
    ]
    parse("outbox failed --subscriber x > file", is_cut=False)
    for wrong in ("inbox", "outbox list", "outbox failed --newest", "import_users --as root"):
        with pytest.raises(CommandError):
            parse(wrong, is_cut=False)
