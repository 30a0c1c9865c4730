"""Hostile proposals, one file each in `hostile/`: every trick is refused or flagged on the real way to an approval."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from agents.models import Deployment
from approvals import decisions, requests
from approvals.decisions import DecisionRefused
from approvals.models import Approval
from tests import builders
from tests.approvals import hive
from tests.approvals.hive import BEA, MANAGER, PlayedContainers
from tests.repositories.builders import commit_tree

pytestmark = pytest.mark.django_db
CASES = sorted((Path(__file__).parent / "hostile").glob("*.toml"))
NARROW: dict[str, Any] = {
    "allowedRecipients": ["manager"],
    "allowedBashPatterns": ["ls"],
    "allowedTools": ["Read"],
    "egress": ["github.com"],
    "extraMcpServers": {"known": {"command": "true"}},
    "budget": {"costPerDay": 5, "tokensPerDay": 1000},
}
"""What the agent runs with where a case is about allowing more."""
_ABOUT_MORE = ("widened", "mcp-server", "budget")


def asked(case: dict[str, Any]) -> Approval:
    """The case as a proposal of the manager's, pinned for real."""
    hive.spawned()
    if case.get("flags", "").startswith(_ABOUT_MORE):
        Deployment.objects.update(options=builders.agent_options(**NARROW))
    entries = [(entry["mode"], entry["path"], _content(entry)) for entry in case["entry"]]
    commit = commit_tree(settings.HIVE_PATHS.proposed("alice"), entries)
    approval = requests.apply_commit("alice", commit, actor=MANAGER)
    hive.work()
    return hive.fresh(approval)


def _content(entry: dict[str, str]) -> bytes | str:
    return entry["content"] if entry["mode"] == "160000" else entry["content"].encode()


@pytest.mark.parametrize("file", CASES, ids=[file.stem for file in CASES])
def test_it_is_refused_or_flagged(containers: PlayedContainers, file: Path) -> None:
    case = tomllib.loads(file.read_text())
    approval = asked(case)
    if "refused" in case:
        assert approval.status == "failed", (approval.status, approval.flags)
        assert re.search(case["refused"], approval.note), approval.note
        return
    assert approval.status == "pending", approval.note
    assert case["flags"] in {f"{flag['rule']}:{flag['level']}" for flag in approval.flags}, approval.flags
    _asks_for_the_name(approval)


def _asks_for_the_name(approval: Approval) -> None:
    if approval.is_high_risk:
        with pytest.raises(DecisionRefused, match="type the agent's name"):
            decisions.approve(approval, actor=BEA)
    else:
        assert decisions.approve(approval, actor=BEA).status == "approved"


def test_every_case_says_why_and_what_becomes_of_it() -> None:
    assert len(CASES) > 40
    for file in CASES:
        case = tomllib.loads(file.read_text())
        assert set(case) in ({"why", "entry", "flags"}, {"why", "entry", "refused"}), file.name
        assert file.read_text().isascii(), "what hides is written as an escape"
