"""Secrets that the operator has set for this agent: one file each, readable by it alone.

`/run/secrets/NAME` holds the value; those in `/run/secrets/env` are also variables of the agent's programs. They are
read anew each time: a secret that is replaced counts from the next program on.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

FOLDER = Path("/run/secrets")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
LONGEST = 64 * 1024


def variables(folder: Path | None = None) -> dict[str, str]:
    """Name → value of the secrets that are variables. What cannot be read, or holds NUL, is left out."""
    folder = folder or Path(os.environ.get("HIVE_SECRETS_DIR", FOLDER))
    found: dict[str, str] = {}
    try:
        names = os.listdir(folder / "env")
    except OSError:
        return {}
    for name in filter(NAME.fullmatch, names):
        try:
            value = (folder / "env" / name).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        if len(value) <= LONGEST and "\0" not in value:
            found[name] = value.removesuffix("\n")
    return found
