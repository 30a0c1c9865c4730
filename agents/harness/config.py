"""What the host tells an agent: `config.json` and `token` in the runtime folder, and a few variables."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9-]{0,8}")
TOKEN = re.compile(r"[\x21-\x7e]{8,512}")
DRIVERS = ("claude", "acp", "scripted")


class BadConfiguration(Exception):
    """The text names the file or variable, the value, and what was expected."""


@dataclass(frozen=True)
class Config:
    """One agent's settings; `options` are the deployed `hyperhive.*` options."""

    name: str
    driver: str
    run_dir: Path
    notes: Path
    port: int
    model: str | None = None
    manager: bool = False
    restarted: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return self.run_dir / "hive.sock"

    def token(self) -> str:
        """Read anew at every use: the host replaces it at each start. Raises OSError, BadConfiguration."""
        path = self.run_dir / "token"
        text = path.read_text(encoding="ascii", errors="replace").strip()
        if not TOKEN.fullmatch(text):
            raise BadConfiguration(f"{path}: no usable token in it")
        return text

    def seconds(self, option: str, default: float) -> float:
        """A time limit from the options; what is no positive number counts as not set."""
        value = self.options.get(option)
        usable = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
        return float(value) if usable and value is not None else default


def load(environ: Mapping[str, str] = os.environ) -> Config:
    """Raises BadConfiguration."""
    run_dir = Path(environ.get("HIVE_RUN_DIR", "/run/hive"))
    data = _read(run_dir / "config.json")
    config = Config(
        name=_checked(data, "name", str),
        driver=_checked(data, "driver", str),
        model=_checked(data, "model", str, None),
        manager=_checked(data, "manager", bool, False),
        restarted=_checked(data, "restarted", bool, False),
        options=_checked(data, "options", dict, {}),
        run_dir=run_dir,
        notes=_notes(environ),
        port=_port(environ),
    )
    _check(config)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfiguration(
            f"{path}: cannot be read ({error.strerror}); the host writes it before each start"
        ) from error
    except ValueError as error:
        raise BadConfiguration(f"{path}: is not JSON ({error})") from error
    if not isinstance(data, dict):
        raise BadConfiguration(f"{path}: must hold a JSON object")
    return data


def _checked(data: dict[str, Any], key: str, kind: type, *default: Any) -> Any:
    value = data.get(key)
    if value is None and default:
        return default[0]
    if not isinstance(value, kind):
        raise BadConfiguration(f"config.json: {key!r} must be {kind.__name__}, not {value!r}")
    return value


def _check(config: Config) -> None:
    if not NAME.fullmatch(config.name):
        raise BadConfiguration(f"config.json: {config.name!r} is no agent name")
    if config.driver not in DRIVERS:
        raise BadConfiguration(f"config.json: driver {config.driver!r} is not one of {', '.join(DRIVERS)}")
    try:
        config.token()
    except OSError as error:
        raise BadConfiguration(f"{config.run_dir}/token: cannot be read ({error.strerror})") from error


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get("HIVE_PORT", "")
    if not (text.isascii() and text.isdigit() and 1024 <= int(text) <= 65535):
        raise BadConfiguration(f"HIVE_PORT: {text!r} is no port between 1024 and 65535")
    return int(text)


def _notes(environ: Mapping[str, str]) -> Path:
    text = environ.get("HYPERHIVE_STATE_DIR", "")
    if not text.startswith("/") or not os.path.isdir(text):
        raise BadConfiguration(f"HYPERHIVE_STATE_DIR: {text!r} is no folder")
    return Path(text)
