"""The real Claude CLI in a real sandbox, talking to a loopback stub of the Messages API."""

from __future__ import annotations

import subprocess  # noqa: TID251 - starts the stub as an outside service
import sys
from collections.abc import Iterator

import pytest

from tests.system.hive import REPOSITORY, Hive, running_hive

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stub() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stubs.messages_api", "--port", "0"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip().split()[-1]
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="module")
def hive() -> Iterator[Hive]:
    with running_hive() as one:
        one.running("hm1nd")
        one.ctl("spawn", "alice", "--yes", "--wait")
        one.running("alice")
        yield one


def claude(url: str, memory: str = "2G") -> str:
    """An agent that runs the CLI against the stub; its network is the host's so that it reaches loopback."""
    return f"""{{ ... }}:
{{
  hyperhive.driver = "claude";
  hyperhive.network = "host";
  hyperhive.memoryMax = "{memory}";
  hyperhive.environment = {{
    ANTHROPIC_BASE_URL = "{url}";
    ANTHROPIC_API_KEY = "x";
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = "1";
    DISABLE_TELEMETRY = "1";
    DISABLE_AUTOUPDATER = "1";
    DISABLE_ERROR_REPORTING = "1";
  }};
}}
"""


def test_a_claude_agent_is_proposed_approved_and_answers(hive: Hive, stub: str) -> None:
    result = hive.propose(claude(stub))
    assert result["ok"], result
    (waiting,) = hive.ctl("approvals")
    hive.ctl("approve", str(waiting["id"]), "--name", "alice", "--wait")
    assert hive.running("alice")["driver"] == "claude"
    assert "pong" in hive.ask("alice", '```stub\n[{"text": "pong from the model"}]\n```', 60)
