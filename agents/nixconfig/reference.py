"""`python -m agents.nixconfig.reference FILE`: writes the table of the `hyperhive.*` options into FILE, in place.

The table stands between two comment lines; everything else of the file stays.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from agents.nixconfig.options import OPTIONS, Option

BEGIN = "<!-- options: written by python -m agents.nixconfig.reference -->"
END = "<!-- /options -->"
NO_EFFECT = " *Accepted, without effect yet.*"


class NoPlace(Exception):
    """The file has no place for the table."""


def table() -> str:
    rows = ["| option | type | default | meaning |", "|---|---|---|---|", *map(_row, OPTIONS)]
    return "\n".join(rows)


def placed(text: str) -> str:
    """`text` with the table of now between the two lines. Raises `NoPlace`."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoPlace(f"there are no lines {BEGIN} and {END} around a table")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _row(option: Option) -> str:
    doc = option.doc + ("" if option.enforcer else NO_EFFECT)
    default = "the hive's" if option.name == "driver" else f"`{_nix(option.default)}`"
    cells = (f"`{option.path}`", option.kind.name, default, doc)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _nix(value: Any) -> str:
    """As one would write it in `agent.nix`."""
    if value == {}:
        return "{ }"
    if value == []:
        return "[ ]"
    return json.dumps(value, ensure_ascii=False)


def main(argv: list[str]) -> int:
    path = Path(argv[0])
    path.write_text(placed(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
