#!/usr/bin/env python
"""Django's command line for the hive; `manage.py up` starts everything."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hiveproject.settings")
    from hiveproject.entry import run

    run(sys.argv)


if __name__ == "__main__":
    main()
