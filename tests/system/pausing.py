"""Settings for tests that kill the worker: the real ones, and a worker that stands still where the test says.

The file `pause` in the state root holds `before` or `after` and a regular expression for what the worker is about to
do: a program's words, or `verb NAME` for what it asks of the privileged side. Standing still it makes the file
`paused`, and waits to be killed.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable
from typing import Any

from agents import command
from agents.containers import privileged
from hiveproject.settings import *  # noqa: F403
from hiveproject.settings import HIVE_PATHS

_WHERE, _THERE = HIVE_PATHS.state / "pause", HIVE_PATHS.state / "paused"


def _stand_still(moment: str, what: str) -> None:
    if not _WHERE.exists():
        return
    wanted, _, pattern = _WHERE.read_text().partition(" ")
    if wanted == moment and re.search(pattern, what):
        _THERE.touch()
        while True:
            time.sleep(60)


def _pausing(function: Callable[..., Any], told: Callable[..., str]) -> Callable[..., Any]:
    @functools.wraps(function)
    def paused(*given: Any, **more: Any) -> Any:
        _stand_still("before", told(*given))
        result = function(*given, **more)
        _stand_still("after", told(*given))
        return result

    return paused


command.run = _pausing(command.run, lambda argv: " ".join(map(str, argv)))
privileged.call_for = _pausing(privileged.call_for, lambda _paths, verb: f"verb {verb}")
