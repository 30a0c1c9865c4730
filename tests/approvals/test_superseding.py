"""A second proposal for the same agent, and what becomes of the first."""

from __future__ import annotations

import pytest

from agents.models import Agent
from approvals import decisions, requests
from approvals.decisions import DecisionRefused
from approvals.models import Approval
from approvals.requests import RequestRefused
from tests import builders
from tests.approvals import hive
from tests.approvals.hive import BEA, MANAGER, PlayedContainers, fresh, nix, work

pytestmark = pytest.mark.django_db


def asked(text: str) -> Approval:
    commit = hive.committed(text)
    approval = requests.apply_commit("alice", commit, actor=MANAGER, supersede=True)
    work()
    return fresh(approval)


def test_an_older_request_gives_way_where_its_asker_wishes(containers: PlayedContainers) -> None:
    hive.spawned()
    first = hive.proposed(nix("3G"))
    second = asked(nix("4G"))
    assert (fresh(first).status, second.status) == ("superseded", "pending")
    assert f"approval {second.pk}" in fresh(first).note


def test_a_request_that_fails_takes_nobodys_place(containers: PlayedContainers) -> None:
    hive.spawned()
    first = hive.proposed(nix("3G"))
    assert asked("{ nonsense").status == "failed"
    assert fresh(first).status == "pending"


def test_an_agent_takes_back_only_its_own(containers: PlayedContainers) -> None:
    hive.spawned()
    operators = requests.apply_commit("alice", hive.committed(nix("3G")), actor=BEA)
    work()
    asked(nix("4G"))
    assert fresh(operators).status == "pending"


def test_the_operator_chooses_among_those_that_wait() -> None:
    first, second = builders.approval(), builders.approval()
    other = builders.approval(builders.agent("bob"))
    assert list(decisions.older(second)) == [first]
    decisions.supersede(first, by=second, actor=BEA)
    assert fresh(first).status == "superseded"
    for approval, by in ((second, first), (other, second), (second, second)):
        with pytest.raises(DecisionRefused, match="no newer proposal"):
            decisions.supersede(approval, by=by, actor=BEA)


def test_a_second_commit_of_a_draft(containers: PlayedContainers) -> None:
    from approvals import drafts

    drafts.make("bob", actor=MANAGER)
    work()
    first = requests.spawn_commit("bob", hive.committed(nix("3G"), "bob"), actor=MANAGER)
    work()
    commit = hive.committed(nix("4G"), "bob")
    with pytest.raises(RequestRefused, match="supersede=true"):
        requests.spawn_commit("bob", commit, actor=MANAGER)
    second = requests.spawn_commit("bob", commit, actor=MANAGER, supersede=True)
    work()
    assert (fresh(first).status, fresh(second).status) == ("superseded", "pending")
    decisions.deny(fresh(second), actor=BEA)
    work()
    assert hive.agent("bob").lifecycle == Agent.Lifecycle.DRAFT
