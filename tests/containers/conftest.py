"""Everything here runs twice: as root, and as an ordinary user through `as_root/test_ordinary_user.py`.

What only makes sense for one of the two lies in a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.hive import Hive

collect_ignore = ["unprivileged"] if os.geteuid() == 0 else ["as_root"]


@pytest.fixture
def hive() -> Iterator[Hive]:
    root = Path(tempfile.mkdtemp(prefix="hhc"))
    root.chmod(0o755)
    found = Hive(root)
    yield found
    found.close()
    shutil.rmtree(root)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """Hide programs of /usr/bin from PATH."""

    def hide(*names: str) -> None:
        farm = tmp_path / "bin"
        farm.mkdir()
        for folder in ("/usr/bin", "/usr/local/bin", "/bin"):
            for entry in os.scandir(folder):
                if entry.name not in names and not (farm / entry.name).is_symlink():
                    (farm / entry.name).symlink_to(entry.path)
        monkeypatch.setenv("PATH", f"{farm}:/usr/sbin:/sbin")

    return hide
