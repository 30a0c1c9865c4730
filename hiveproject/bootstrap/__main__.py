"""`python3 -m hiveproject.bootstrap run|test|lock`, called by the Makefile in the clone's folder."""

from __future__ import annotations

import os
import shutil
import sys

_NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def main() -> int:
    # Older interpreters must get this far: no newer syntax in this file, nothing else imported above.
    if sys.version_info < (3, 11):  # noqa: UP036 - this is the check
        return _use_a_newer_python()
    from hiveproject.bootstrap import steps

    try:
        return steps.main(sys.argv[1])
    except steps.CannotSetUp as error:
        sys.stderr.write(f"hyperhive: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _use_a_newer_python() -> int:
    for name in _NEWER:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, "-m", "hiveproject.bootstrap", *sys.argv[1:]])  # noqa: S606 - no shell wanted
    version = ".".join(map(str, sys.version_info[:2]))
    sys.stderr.write(
        f"hyperhive: Python 3.11 or newer is needed, {sys.executable} is {version}: "
        "install one, then 'make run PYTHON=/path/to/it'\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
