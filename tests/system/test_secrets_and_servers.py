"""What the operator gives one agent alone, and what was approved, as the agents themselves see it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.system.hive import Hive, running_hive

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
VALUE = "s3cret-of-the-forge"
CLOCK = "print('tick')\n"
WITH_SERVER = """{ ... }:
{
  hyperhive.driver = "scripted";
  hyperhive.extraMcpServers.clock = { command = "python3"; args = [ "./tools/clock.py" ]; tools = [ "tell" ]; };
  hyperhive.allowedBashPatterns = [ "cat **" "sh -c 'echo $FORGE_TOKEN'" "find /run **" "touch **" ];
}
"""


@pytest.fixture(scope="module")
def hive() -> Iterator[Hive]:
    with running_hive() as one:
        one.running("hm1nd")
        one.ctl("spawn", "alice", "--yes", "--wait")
        one.ctl("spawn", "bob", "--yes", "--wait")
        one.running("alice")
        one.running("bob")
        yield one


def run(hive: Hive, name: str, *argv: str) -> dict[str, Any]:
    (result,) = hive.steps(name, {"run": {"argv": list(argv)}})
    return result


def test_a_secret_is_read_by_its_agent_and_by_no_other(hive: Hive) -> None:
    hive.ctl("secret", "set", "alice", "FORGE_TOKEN", input=f"{VALUE}\n")
    assert run(hive, "alice", "cat", "/run/secrets/FORGE_TOKEN") == {"ok": True, "output": VALUE}
    for other in ("bob", "hm1nd"):
        told = run(hive, other, "sh", "-c", "ls -R /run/secrets; cat /agents/alice/secrets/*")
        assert VALUE not in told["output"]
        assert "FORGE_TOKEN" not in told["output"]
    assert not run(hive, "alice", "sh", "-c", "echo x > /run/secrets/FORGE_TOKEN")["ok"]
    assert not run(hive, "alice", "rm", "-f", "/run/secrets/FORGE_TOKEN")["ok"]


def test_a_secret_outlives_the_container_and_not_its_removal(hive: Hive) -> None:
    hive.ctl("restart", "alice", "--wait")
    hive.running("alice")
    assert run(hive, "alice", "cat", "/run/secrets/FORGE_TOKEN")["output"] == VALUE
    hive.ctl("secret", "unset", "alice", "FORGE_TOKEN")
    assert not run(hive, "alice", "cat", "/run/secrets/FORGE_TOKEN")["ok"]


def test_the_files_of_a_server_are_the_approved_ones_and_cannot_be_changed(hive: Hive) -> None:
    config = "/agents/alice/config"
    result = hive.steps(
        "hm1nd",
        {"write": {"path": f"{config}/agent.nix", "text": WITH_SERVER}},
        {"write": {"path": f"{config}/tools/clock.py", "text": CLOCK}},
        {"run": {"argv": ["git", "-C", config, "add", "-A"]}},
        {"run": {"argv": ["git", "-C", config, "commit", "-qm", "a clock"]}},
        {"run": {"argv": ["git", "-C", config, "rev-parse", "HEAD"]}},
        {"tool": "request_apply_commit", "args": {"agent": "alice", "commit_ref": "${5}", "description": "a clock"}},
    )[-1]
    assert result["ok"], result
    (waiting,) = hive.ctl("approvals")
    hive.ctl("approve", str(waiting["id"]), "--name", "alice", "--wait")
    hive.running("alice")
    (written,) = hive.steps("hm1nd", {"write": {"path": f"{config}/tools/clock.py", "text": "print('evil')\n"}})
    assert written["ok"]
    assert run(hive, "alice", "cat", "/run/hive/repository/tools/clock.py")["output"] == CLOCK
    pins = json.loads(run(hive, "alice", "cat", "/run/hive/pins.json")["output"])
    assert pins["tools/clock.py"] == hashlib.sha256(CLOCK.encode()).hexdigest()
    (spoiled,) = hive.steps("alice", {"write": {"path": "/run/hive/repository/tools/clock.py", "text": "evil"}})
    assert not spoiled["ok"]


def test_the_guard_of_the_deployed_configuration_holds(hive: Hive) -> None:
    assert "refused: 'id'" in run(hive, "alice", "id")["output"]
    assert run(hive, "alice", "cat", "/run/hive/pins.json")["ok"]
