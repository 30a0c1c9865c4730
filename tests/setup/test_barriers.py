"""A user sees what it needs behind folders that it cannot enter, and nothing else there."""

from __future__ import annotations

import os
import subprocess  # noqa: TID251 - another process is the point
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hiveproject import barriers
from hiveproject.barriers import Need, User

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may turn into another user")
REPOSITORY = Path(__file__).resolve().parent.parent.parent
USER = User(54321, 54321)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that nobody but root enters, holding code, state and a secret."""
    with tempfile.TemporaryDirectory(prefix="hh", dir="/tmp") as name:
        root = Path(name)
        for folder in ("code/package", "state"):
            (root / folder).mkdir(parents=True)
        (root / "code" / "package" / "module.py").write_text("code")
        (root / "secret").write_text("secret")
        os.chown(root / "state", USER.uid, USER.gid)
        yield root


def _needs(root: Path) -> list[Need]:
    return [Need(root / "code"), Need(root / "state", writable=True)]


def _try(root: Path, action: str, *more: Need) -> str:
    """What `action` (Python, with `root`) prints when the user does it behind the view."""
    code = [Need(Path(sys.prefix)), Need(Path(sys.base_prefix)), Need(REPOSITORY)]
    program = f"""
from pathlib import Path
from hiveproject import barriers, kernel
from hiveproject.barriers import Need, User
root = Path({str(root)!r})
needs = {[(str(need.path), need.writable) for need in [*_needs(root), *code, *more]]!r}
view = barriers.plan([Need(Path(path), writable) for path, writable in needs], User({USER.uid}, {USER.gid}))
barriers.enter(view)
kernel.drop_root({USER.uid}, {USER.gid})
{action}
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_is_covered_where_nothing_is_in_the_way() -> None:
    assert barriers.plan([Need(Path("/usr/bin"))], USER).is_plain


def test_the_barrier_is_covered_and_the_needed_is_bound(closed: Path) -> None:
    view = barriers.plan(_needs(closed), USER)
    assert view.covers == {closed}
    assert view.binds == {closed / "code": False, closed / "state": True}


def test_code_can_be_read_and_the_secret_is_not_there(closed: Path) -> None:
    seen = _try(closed, "print((root / 'code/package/module.py').read_text(), sorted(p.name for p in root.iterdir()))")
    assert seen == "code ['code', 'state']"


def test_the_state_can_be_written_and_lasts(closed: Path) -> None:
    _try(closed, "(root / 'state/file').write_text('kept')")
    assert (closed / "state" / "file").read_text() == "kept"


def test_code_that_the_user_owns_cannot_be_written(closed: Path) -> None:
    os.chown(closed / "code", USER.uid, USER.gid)
    closed.chmod(0o755)
    told = _try(closed, "import os; print(os.access(root / 'code', os.W_OK), os.access(root / 'state', os.W_OK))")
    assert told == "False True"


def test_a_closed_folder_that_is_needed_itself_shows_what_is_in_it(closed: Path) -> None:
    (closed / "code").chmod(0o700)
    assert _try(closed, "print((root / 'code/package/module.py').read_text())") == "code"


def test_a_state_root_below_a_closed_folder_of_the_code(closed: Path) -> None:
    deep = closed / "code" / "var" / "state"
    deep.mkdir(parents=True)
    (closed / "code" / "var").chmod(0o700)
    os.chown(deep, USER.uid, USER.gid)
    _try(closed, "(root / 'code/var/state/file').write_text('kept')", Need(deep, writable=True))
    assert (deep / "file").read_text() == "kept"


def test_links_on_the_way_still_lead_there(closed: Path) -> None:
    (closed / "link").symlink_to("code/package")
    action = "print((root / 'link/module.py').read_text())"
    assert _try(closed, action, Need(closed / "link" / "module.py")) == "code"


def test_root_is_gone_for_good(closed: Path) -> None:
    action = """
import os
status = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines() if ':' in line)
sets = {status[key].strip() for key in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')}
print(os.getresuid(), os.getgroups(), sets)
print(status['NoNewPrivs'].strip())
"""
    assert _try(closed, action).split("\n") == [f"({USER.uid}, {USER.uid}, {USER.uid}) [] {{'{'0' * 16}'}}", "1"]
