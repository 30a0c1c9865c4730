"""`manage.py hivectl …` is `.venv/bin/hivectl …`."""

from __future__ import annotations

import sys
from typing import NoReturn

from django.core.management.base import BaseCommand

from hiveproject import hivectl


class Command(BaseCommand):
    help = "Steer the hive from the command line; 'manage.py hivectl --help' lists the verbs."

    def run_from_argv(self, argv: list[str]) -> NoReturn:
        sys.exit(hivectl.run(argv[2:]))
