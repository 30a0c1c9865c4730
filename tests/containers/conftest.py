"""Everything here runs twice: as root, and as an ordinary user through `as_root/test_ordinary_user.py`.

What only makes sense for one of the two lies in a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.containers.hive import Hive
from tests.containers.outside import Outside, somewhere_outside

OUTSIDE = "HIVE_TEST_OUTSIDE"

if os.geteuid() == 0:
    collect_ignore = ["unprivileged"]
elif OUTSIDE in os.environ:
    collect_ignore = ["as_root"]
else:  # what is outside can only be made by root
    collect_ignore = ["as_root", "networked"]


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    if OUTSIDE in os.environ:
        address, port, host = os.environ[OUTSIDE].split(":")
        yield Outside(address, int(port), host)
        return
    with somewhere_outside() as found:
        yield found


@pytest.fixture
def hive() -> Iterator[Hive]:
    root = Path(tempfile.mkdtemp(prefix="hhc"))
    root.chmod(0o755)
    found = Hive(root)
    yield found
    found.close()
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def farms(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Path]:
    """Folders with links to all programs but some."""
    return _Farms(tmp_path_factory)


class _Farms(dict[tuple[str, ...], Path]):
    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders

    def __missing__(self, names: tuple[str, ...]) -> Path:
        farm = self[names] = self._folders.mktemp("bin")
        for entry in os.scandir("/usr/bin"):
            if entry.name not in names:
                (farm / entry.name).symlink_to(entry.path)
        return farm


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, farms: dict[tuple[str, ...], Path]) -> Callable[..., None]:
    """Hide programs from PATH."""

    def hide(*names: str) -> None:
        monkeypatch.setenv("PATH", f"{farms[names]}:/usr/sbin:/sbin")

    return hide
