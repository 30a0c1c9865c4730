"""What an operator is to look at twice before deciding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Level = Literal["high", "notice"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Flag:
    """`rule` is its name, `where` a file or an option, `text` what was found and why it matters.

    `high`: the agent can do something that it could not do before, or the change cannot be fully seen.
    `notice`: worth a look. The text is plain ASCII where it cites what an agent wrote.
    """

    rule: str
    level: Level
    where: str
    text: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Flag:
        """Raises `ValueError` for what `to_json` did not make."""
        fields = {name: data.get(name) for name in ("rule", "level", "where", "text")}
        if set(data) != set(fields) or not all(isinstance(value, str) for value in fields.values()):
            raise ValueError(f"not a risk flag: {dict(data)!r}")
        if fields["level"] not in LEVELS:
            raise ValueError(f"there is no level {fields['level']!r}; choose one of {', '.join(LEVELS)}")
        level: Level = "high" if fields["level"] == "high" else "notice"
        return cls(str(fields["rule"]), level, str(fields["where"]), str(fields["text"]))
