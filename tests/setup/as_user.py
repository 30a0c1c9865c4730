"""`python -m tests.setup.as_user UID FOLDER PROGRAM …`: run a program as an ordinary user who may write FOLDER.

Started by root; the interpreter and the code may lie where that user could not go.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hiveproject import barriers, kernel
from hiveproject.barriers import Need, User

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    uid, folder, argv = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    code = [REPOSITORY, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable)]
    needs = [*(Need(path) for path in code), Need(folder, writable=True)]
    view = barriers.plan(needs, User(uid, uid))
    if not view.is_plain:
        barriers.enter(view)
    os.chdir(REPOSITORY)
    kernel.drop_root(uid, uid)
    os.environ["HOME"] = str(folder)
    os.execv(argv[0], argv)  # noqa: S606 - no shell wanted


main()
