"""`manage.py up`: makes the hive ready, starts its processes, keeps them running, and stops them all together."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

from hiveproject.roots import SetupFailed
from hiveproject.supervisor.hive import Hive, Stop
from hiveproject.supervisor.plan import Plan


def main(argv: Sequence[str]) -> int:
    """Run until asked to stop. Returns 0 after a stop that was asked for, 1 when the hive cannot be run."""
    parser = argparse.ArgumentParser(
        prog="manage.py up", description="Start the hive and stay with it; Ctrl-C stops it."
    )
    parser.add_argument("--role", choices=("all", "web", "worker"), default="all", help="what to run here (all)")
    options = parser.parse_args(argv)
    os.umask(0o022)
    try:
        return Hive(Plan.from_environment(options.role)).run()
    except (SetupFailed, ImproperlyConfigured) as error:
        sys.stderr.write(f"hyperhive: {error}\n")
        return 1
    except (KeyboardInterrupt, Stop):
        return 0
