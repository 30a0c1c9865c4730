"""The whole path once more, the data in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres.server import Server
from tests.system.hive import Hive, running_hive

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
FASTER = '{ ... }:\n{\n  hyperhive.driver = "scripted";\n  hyperhive.memoryMax = "1G";\n}\n'


@pytest.fixture(scope="module")
def hive(server: Server) -> Iterator[Hive]:
    with running_hive(DATABASE_URL=server.url(server.database())) as one:
        yield one


def test_it_is_well_and_keeps_no_database_of_its_own(hive: Hive) -> None:
    assert hive.healthz() == (200, {"status": "ok", "web": "ok", "worker": "ok", "database": "ok"})
    assert hive.running("hm1nd")["container"] == "hm1nd"
    assert not (hive.state / "hive.sqlite").exists()


def test_an_approved_spawn_runs_and_answers(hive: Hive) -> None:
    hive.ctl("spawn", "alice")
    (waiting,) = hive.wait_until(lambda: hive.ctl("approvals"))
    hive.ctl("approve", str(waiting["id"]), "--wait")
    assert hive.running("alice")["deployed_tag"] == f"deployed/{waiting['id']}"
    assert "alice" in hive.ask("alice", "hello")
    (result,) = hive.steps("alice", {"tool": "send", "args": {"to": "hm1nd", "body": "good morning"}})
    assert result["ok"]
    assert any(row["body"] == "good morning" for row in hive.ctl("inbox", "hm1nd"))


def test_the_manager_proposes_and_exactly_that_commit_runs(hive: Hive) -> None:
    result = hive.propose(FASTER)
    assert result["ok"], result
    (waiting,) = hive.ctl("approvals")
    hive.ctl("approve", str(waiting["id"]), "--wait")
    assert hive.running("alice")["deployed_sha"] == waiting["commit"]
    assert "already deployed" in hive.ctl("approve", str(waiting["id"]), code=3)


def test_a_rollback_puts_the_first_deploy_back(hive: Hive) -> None:
    hive.ctl("rollback", "alice", "deployed/0", "--reason", "it was better", "--wait")
    assert hive.running("alice")["deployed_sha"] == hive.git("alice", "rev-parse", "deployed/0^{commit}")


def test_destroy_keeps_notes_and_purge_leaves_nothing(hive: Hive) -> None:
    hive.ctl("destroy", "alice", "--wait")
    assert hive.ctl("status", "alice")["state"] == "kept"
    hive.ctl("destroy", "alice", "--purge", "--wait")
    assert "no agent" in hive.ctl("status", "alice", code=3)


def test_the_audit_chain_is_whole(hive: Hive) -> None:
    assert hive.ctl("audit", "verify")["broken"] is None


def test_a_second_start_finds_the_same_hive(hive: Hive) -> None:
    assert hive.interrupt() == 0
    hive.start()
    hive.running("hm1nd")
    assert len(hive.ctl("approvals", "--all")) >= 4
