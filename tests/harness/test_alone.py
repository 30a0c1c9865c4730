"""The harness stands alone: few packages, none of the hive's, and nothing loaded that a turn does not need."""

from __future__ import annotations

import json
import sys
import tomllib

import pytest

from agents import command
from tests.harness.agent import ROOT

HEAVY = {"acp", "pydantic", "mcp", "anyio", "httpx", "django", "huey", "channels", "daphne", "twisted", "tree_sitter"}
OURS = {"hiveproject", "approvals", "broker"}
LOADED = """
import sys, json, importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""
START = ("agents.harness.__main__", "agents.harness.app")


def loaded(*modules: str) -> set[str]:
    done = command.run([sys.executable, "-c", LOADED, *modules], cwd=ROOT, env=command.clean_environment(), timeout=60)
    return set(json.loads(done.text))


@pytest.mark.parametrize("driver", ["scripted", "claude.driver"])
def test_a_driver_loads_nothing_heavy(driver: str) -> None:
    found = loaded(*START, f"agents.harness.drivers.{driver}")
    assert not {name.partition(".")[0] for name in found} & (HEAVY | OURS)
    assert {name for name in found if name.startswith("agents.")} <= {
        name for name in found if name == "agents.harness" or name.startswith("agents.harness.")
    }


def test_the_acp_driver_brings_its_library_and_no_more() -> None:
    found = {name.partition(".")[0] for name in loaded(*START, "agents.harness.drivers.acp.driver")}
    assert {"acp", "pydantic"} <= found
    assert not found & (OURS | {"django", "huey", "channels", "daphne", "twisted", "mcp"})


def test_what_every_part_needs_is_little() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [
        text.partition("~")[0] for text in (*project["dependencies"], *project["optional-dependencies"]["harness"])
    ]
    assert names == ["websockets", "agent-client-protocol", "tree-sitter", "tree-sitter-bash"]
