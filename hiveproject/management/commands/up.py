"""`manage.py up` is handled before Django starts (hiveproject/entry.py); this lists it in `manage.py help`."""

from __future__ import annotations

import sys
from typing import NoReturn

from django.core.management.base import BaseCommand

from hiveproject import supervisor


class Command(BaseCommand):
    help = "Start web, worker and, as root, the root helper, and stay with them; Ctrl-C stops everything."

    def run_from_argv(self, argv: list[str]) -> NoReturn:
        sys.exit(supervisor.main(argv[2:]))
