"""How every command line of the hive begins: privileges first, Django afterwards, and no traceback for a setting."""

from __future__ import annotations

import sys
from typing import NoReturn

from hiveproject import privileges


def run(argv: list[str]) -> None:
    """What `manage.py` does."""
    command = argv[1] if len(argv) > 1 else "help"
    if command == "up":
        from hiveproject import supervisor

        sys.exit(supervisor.main(argv[2:]))
    settle(command)
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(argv)
    except ImproperlyConfigured as error:
        fail(str(error))


def settle(command: str) -> None:
    """Drop root where `command` touches the hive, or end with one line that says why that cannot be."""
    try:
        privileges.settle(command)
    except privileges.CannotDrop as error:
        fail(str(error))


def fail(text: str) -> NoReturn:
    """End with exit code 1 and one line."""
    sys.stderr.write(f"hyperhive: {text}\n")
    sys.exit(1)
