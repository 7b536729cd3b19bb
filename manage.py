#!/usr/bin/env python
"""Django's command line for Roster."""

import os
import select
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command; end quietly if the reader of its output, such as `head`, leaves."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        output = select.poll()
        output.register(sys.stdout.fileno(), 0)
        if not output.poll(0):
            # It was another pipe or a socket.
            raise
        # Python flushes what is left when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
