"""All of `tests/containers` once more, as a user without any rights."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import command
from tests.containers import ordinary
from tests.containers.outside import Outside

HERE = ordinary.CODE / "tests/containers"


@pytest.fixture
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hho"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.timeout(180)
def test_everything_holds_without_root(scratch: Path, outside: Outside) -> None:
    temporary = scratch / "tmp"
    temporary.mkdir()
    os.chown(temporary, ordinary.UID, ordinary.UID)
    words = ["-m", "pytest", "-q", "-c", str(HERE / "ordinary.ini"), f"--rootdir={ordinary.CODE}"]
    words += [f"--confcutdir={HERE}", f"--basetemp={temporary}/p", "-x", "--durations=12", str(HERE)]
    environment = ordinary.environment(
        TMPDIR=str(temporary), HIVE_TEST_OUTSIDE=f"{outside.address}:{outside.port}:{outside.host}"
    )
    try:
        done = command.run(
            ordinary.argv(words, scratch), env=environment, cwd=ordinary.CODE, timeout=170, on_output=print
        )
    except command.CommandFailed as failed:
        raise AssertionError(f"{failed.stderr}: see the captured output") from failed
    assert " passed" in done.text
    assert "skipped" not in done.text
