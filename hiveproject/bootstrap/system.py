"""Packages of the system: installed where we are root on a Debian system, else named."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from hiveproject.bootstrap.ground import CannotSetUp, run, say

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Package:
    """A Debian package, known by a program that it brings."""

    name: str
    program: str

    @property
    def is_missing(self) -> bool:
        return shutil.which(self.program, path=_PATH) is None


_GIT = Package("git", "git")
_ALWAYS = (_GIT, Package("bubblewrap", "bwrap"), Package("nix-bin", "nix-instantiate"))
_ROOT = (Package("nftables", "nft"), Package("iproute2", "ip"))
_PASST, _SLIRP = Package("passt", "pasta"), Package("slirp4netns", "slirp4netns")
_VNC = Package("tigervnc-standalone-server", "Xvnc")
_NGINX = Package("nginx-light", "nginx")
_DEBOOTSTRAP = Package("debootstrap", "debootstrap")
_SERVERS = (Package("postgresql", "pg_ctlcluster"), Package("redis-server", "redis-server"), _VNC, _NGINX, _DEBOOTSTRAP)
_TESTS = (*_ROOT, _PASST, _SLIRP, Package("acl", "getfacl"), Package("chromium", "chromium"), *_SERVERS)


def ensure(*, tests: bool) -> None:
    """Raises `CannotSetUp` where something is missing without which nothing works."""
    missing = [package.name for package in _wanted(tests) if package.is_missing]
    if _venv_is_missing():
        missing.append(_venv_package())
    if missing and _can_install():
        _install(missing, tests=tests)
    elif missing and tests:
        say(f"The tests need more of this machine: apt install {' '.join(missing)}")
    if _GIT.is_missing:
        raise CannotSetUp("git is missing: install git, then start again")
    if _venv_is_missing():
        raise CannotSetUp(f"{sys.executable} cannot make virtual environments: install {_venv_package()}")


def _wanted(tests: bool) -> tuple[Package, ...]:
    if tests:
        return (*_ALWAYS, *_TESTS)
    # Without root the start-up message names what is missing, and what works without it.
    return (*_ALWAYS, *_ROOT) if os.geteuid() == 0 else (_GIT,)


def _can_install() -> bool:
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def _install(names: list[str], *, tests: bool) -> None:
    say(f"Installing {', '.join(names)} with apt.")
    env = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    failure = f"apt could not install {', '.join(names)}"
    try:
        run([*apt, "update"], failure, env=env)
        run([*apt, "install", "--yes", "--no-install-recommends", *names], failure, env=env)
    except CannotSetUp as error:
        if tests:
            raise
        say(f"Warning: {error}")


def _venv_is_missing() -> bool:
    importlib.invalidate_caches()
    return importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None


def _venv_package() -> str:
    return f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
