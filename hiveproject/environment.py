"""Typed reading of the environment: what is set wrong ends the start with one line that names it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from hiveproject.reach.addresses import AddressRefused, checked

REPOSITORY = Path(__file__).resolve().parent.parent


def text(name: str, default: str = "") -> str:
    """The variable, or the contents of the file that `<name>_FILE` names, or the default."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error.strerror}") from error
    return os.environ.get(name, default)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def integer(name: str, default: int, low: int, high: int) -> int:
    raw = text(name, str(default))
    if not raw.isdecimal() or not low <= int(raw) <= high:
        raise ImproperlyConfigured(f"{name}: {raw!r} is not a number from {low} to {high}")
    return int(raw)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}: {value!r} is not one of {', '.join(allowed)}")
    return value


def address(name: str, default: str) -> str:
    """An http address, or the default where none is set."""
    value = text(name)
    try:
        return checked(value) if value else default
    except AddressRefused as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


def roots(environment: Mapping[str, str] = os.environ) -> tuple[Path, Path]:
    """(state root, runtime root): the system's folders for root and on NixOS, else `./var` of the clone."""
    system = os.geteuid() == 0 or Path("/etc/NIXOS").exists()
    state = environment.get("HYPERHIVE_STATE_ROOT") or ("/var/lib/hyperhive" if system else REPOSITORY / "var/state")
    runtime = environment.get("HYPERHIVE_RUNTIME_ROOT") or ("/run/hyperhive" if system else REPOSITORY / "var/run")
    return Path(state).absolute(), Path(runtime).absolute()


def secret_key(default_file: Path) -> str:
    """The key that signs sessions: from its file, made at the first start with mode 0600."""
    path = Path(os.environ.get("HYPERHIVE_SECRET_KEY_FILE") or default_file)
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(f"cannot read the secret key {path}: {error.strerror}") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"cannot write the secret key {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text().strip()
