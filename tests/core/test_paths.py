from __future__ import annotations

from pathlib import Path

import pytest

from agents.naming import NameRefused
from agents.paths import Paths, inside

PATHS = Paths(Path("/var/lib/hyperhive"), Path("/run/hyperhive"))


def test_the_layout_is_the_documented_one() -> None:
    assert PATHS.proposed("alice") == Path("/var/lib/hyperhive/agents/alice/proposed")
    assert PATHS.credentials("alice") == Path("/var/lib/hyperhive/agents/alice/claude")
    assert PATHS.notes("alice") == Path("/var/lib/hyperhive/agents/alice/state")
    assert PATHS.applied("alice") == Path("/var/lib/hyperhive/applied/alice")
    assert PATHS.meta == Path("/var/lib/hyperhive/meta")
    assert PATHS.database == Path("/var/lib/hyperhive/hive.sqlite")
    assert PATHS.agent_socket("alice") == Path("/run/hyperhive/alice/hive.sock")


@pytest.mark.parametrize("name", ["..", "a/b", "", "_shims"])
def test_no_path_is_made_of_a_bad_name(name: str) -> None:
    with pytest.raises(NameRefused):
        PATHS.agent(name)


def test_inside_refuses_what_leaves_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "child").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path)
    assert inside(root, root / "child") == (root / "child").resolve()
    for bad in (root, root / "..", root / "link", root / "child/../.."):
        with pytest.raises(ValueError, match="does not lie inside"):
            inside(root, bad)
