from __future__ import annotations

import asyncio
import os
import sys

import django


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.soak.soaking import soak

    return asyncio.run(soak())


if __name__ == "__main__":
    sys.exit(main())
