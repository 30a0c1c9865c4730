"""Setting up: done once, refused in one line."""

from __future__ import annotations

import subprocess  # noqa: TID251 - another interpreter is the point
import sys
from pathlib import Path

import pytest

from hiveproject.bootstrap import ground, system
from hiveproject.bootstrap.ground import CannotSetUp, Stamp

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def test_a_stamp_holds_until_its_inputs_change(tmp_path: Path) -> None:
    (tmp_path / "pinned").write_text("one")
    stamp = Stamp(tmp_path / "stamp", [tmp_path / "pinned", "here"])
    assert not stamp.holds()
    stamp.set()
    assert Stamp(tmp_path / "stamp", [tmp_path / "pinned", "here"]).holds()
    (tmp_path / "pinned").write_text("two")
    assert not Stamp(tmp_path / "stamp", [tmp_path / "pinned", "here"]).holds()


def test_a_folder_counts_with_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = ground.digest([tmp_path])
    (tmp_path / "a").rename(tmp_path / "b")
    assert ground.digest([tmp_path]) != before


def test_a_failing_program_ends_in_the_line_that_says_most() -> None:
    script = "import sys; sys.exit('WARNING: noise\\nERROR: No matching distribution found for x\\nHINT: more noise')"
    with pytest.raises(CannotSetUp, match=r"^it failed: ERROR: No matching distribution found for x$"):
        ground.run([sys.executable, "-c", script], "it failed")


def test_the_environment_cannot_send_packages_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")
    script = "import os; print(os.environ.get('PIP_TARGET'), os.environ['PIP_INDEX_URL'])"
    assert ground.run([sys.executable, "-c", script], "").text == "None kept"


def test_an_old_python_is_named_with_the_way_out() -> None:
    program = """
import os, sys
sys.version_info = (3, 9, 2)
os.environ['PATH'] = '/nowhere'
from hiveproject.bootstrap.__main__ import main
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "make run PYTHON=" in done.stderr


def test_without_git_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_PATH", "/nowhere")
    monkeypatch.setattr(system, "_can_install", lambda: False)
    with pytest.raises(CannotSetUp, match="git is missing: install git"):
        system.ensure(tests=False)
