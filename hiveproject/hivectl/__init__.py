"""`hivectl`: the operator's command line. It needs the database only, so it works while the web process is down.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused. With `--json` exactly one JSON value goes to standard output,
and an error is one JSON object `{"error": …}` on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hiveproject import privileges
from hiveproject.hivectl.answers import FAILED, INTERRUPTED, REFUSED, Answer, Failed, as_json, readable
from hiveproject.hivectl.words import parser


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """The console script."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hiveproject.settings")
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Do what the words say; returns the exit code. Wrong usage ends the program with 2."""
    options = parser().parse_args(argv)
    try:
        privileges.settle("hivectl")
        _set_up()
        return _show(options, _answer(options))
    except (Failed, privileges.CannotDrop) as error:
        return _complain(options, str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _set_up() -> None:
    """Start Django, on a hive that is there: asking about one must not make it."""
    from django.core.exceptions import ImproperlyConfigured

    from hiveproject import environment

    try:
        if not environment.text("DATABASE_URL"):
            _look_at(environment.roots()[0] / "hive.sqlite")
        import django

        django.setup()
    except ImproperlyConfigured as error:
        raise Failed(str(error)) from error


def _look_at(database: Path) -> None:
    try:
        if not database.stat().st_size:
            raise FileNotFoundError
    except FileNotFoundError:
        text = f"this hive has never been started ({database} is not there): run 'make run' first"
        raise Failed(f"{text}, or set DATABASE_URL as the hive has it") from None
    except OSError as error:
        raise Failed(f"cannot look at {database}: {error.strerror}") from error
    if not os.access(database, os.R_OK | os.W_OK):
        raise Failed(f"{database} belongs to another user: run hivectl as that user, or as root")


def _answer(options: argparse.Namespace) -> Answer:
    from django.db import DatabaseError

    from hiveproject.hivectl import verbs

    try:
        return verbs.perform(options)
    except verbs.REFUSALS as refusal:
        return Answer.refused(str(refusal))
    except DatabaseError as error:
        raise Failed(f"the database cannot be used ({error}): start the hive once to bring it up to date") from error


def _show(options: argparse.Namespace, answer: Answer) -> int:
    if answer.code == REFUSED:
        return _complain(options, answer.text, REFUSED)
    text = as_json(answer.data) if options.json else answer.text
    if text:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if answer.complaint:
        _complain(options, answer.complaint, answer.code)
    return answer.code


def _complain(options: argparse.Namespace, text: str, code: int) -> int:
    line = as_json({"error": text}) if options.json else f"hivectl: {readable(text)}"
    sys.stderr.write(f"{line}\n")
    return code
