"""The peers' servers, from Debian's packages: installed where we are root, else named by whoever misses them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from agents import command

PACKAGES = {
    "redis-always": ("redis-server", "redis-server"),
    "redis-everysec": ("redis-server", "redis-server"),
    "nats-jetstream": ("nats-server", "nats-server"),
    "rabbitmq": ("rabbitmq-server", "rabbitmqctl"),
}


def ensure(systems: Iterable[str]) -> None:
    wanted = {PACKAGES[name] for name in systems if name in PACKAGES}
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    missing = sorted({package for package, program in wanted if shutil.which(program, path=path) is None})
    if missing and os.geteuid() == 0 and Path("/etc/debian_version").exists():
        sys.stdout.write(f"Installing {', '.join(missing)} with apt.\n")
        env = command.clean_environment(DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
        command.run(["apt-get", "-qq", "update"], env=env, timeout=300)
        command.run(["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *missing], env=env, timeout=600)
