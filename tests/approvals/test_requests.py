from __future__ import annotations

import pytest
from django.conf import settings

from agents import actors
from agents.models import Agent, Job
from agents.naming import NameRefused
from approvals import requests
from approvals.models import Approval, AuditEvent, Tag
from approvals.requests import RequestRefused
from tests import builders

pytestmark = pytest.mark.django_db
MANAGER = actors.agent("hm1nd")
BEA = actors.operator("bea")


def test_a_spawn_is_recorded_and_pinned_by_a_job() -> None:
    approval = requests.spawn("alice", actor=BEA, description="to write tests")
    assert (approval.kind, approval.status, approval.requested_by) == ("spawn", "pinning", "operator:bea")
    assert Job.objects.get().kind == "pin"
    assert AuditEvent.objects.get().action == "spawn requested"


@pytest.mark.parametrize("name", ["..", "a/b", "A", "", "abcdefghij", "аlice", "hm1nd", "operator"])
def test_bad_names_change_nothing(name: str) -> None:
    with pytest.raises(NameRefused):
        requests.spawn(name, actor=BEA)
    assert not Agent.objects.exists()
    assert not AuditEvent.objects.exists()


def test_state_that_the_database_does_not_know_is_not_the_requests_to_remove() -> None:
    notes = settings.HIVE_PATHS.notes("dora")
    notes.mkdir(parents=True, exist_ok=True)
    assert not requests.spawn("dora", actor=BEA).made_state
    assert requests.spawn("emil", actor=BEA).made_state


def test_the_same_name_is_asked_for_once() -> None:
    requests.spawn("alice", actor=BEA)
    with pytest.raises(RequestRefused, match="asked for already"):
        requests.spawn("alice", actor=BEA)


def test_an_agent_that_is_there_is_not_spawned_again() -> None:
    builders.agent("alice")
    with pytest.raises(RequestRefused, match="there already"):
        requests.spawn("alice", actor=BEA)


@pytest.mark.parametrize("ref", ["", "HEAD", "main", "123456", "g" * 40, "1" * 41, "--upload-pack=x", "1234567\n"])
def test_only_a_commit_id_can_be_proposed(ref: str) -> None:
    builders.agent("alice")
    with pytest.raises(RequestRefused, match="is not a commit"):
        requests.apply_commit("alice", ref, actor=MANAGER)
    assert not Approval.objects.exists()


def test_a_commit_for_an_unknown_agent_is_refused() -> None:
    with pytest.raises(RequestRefused, match="no agent 'bob'"):
        requests.apply_commit("bob", "1234567", actor=MANAGER)


def test_a_rollback_needs_a_reason_and_a_deploy() -> None:
    builders.agent("alice")
    with pytest.raises(RequestRefused, match="reason"):
        requests.rollback("alice", "deployed/0", reason=" ", actor=BEA)
    with pytest.raises(RequestRefused, match="not a deploy"):
        requests.rollback("alice", "failed/1", reason="why", actor=BEA)
    with pytest.raises(RequestRefused, match="has no deployed/7"):
        requests.rollback("alice", "deployed/7", reason="why", actor=BEA)


def test_a_rollback_is_decided_by_whoever_asks() -> None:
    alice = builders.agent("alice")
    Tag.objects.create(agent=alice, name="deployed/0", commit="3" * 40)
    approval = requests.rollback("alice", "deployed/0", reason="it was better", actor=BEA)
    assert (approval.status, approval.decided_by, approval.commit) == ("approved", "bea", "3" * 40)
    assert Job.objects.get().kind == "deploy"


def test_new_ids_exceed_every_id_in_the_tags() -> None:
    alice = builders.agent("alice")
    Tag.objects.create(agent=alice, name="proposal/41", commit="3" * 40)
    assert requests.apply_commit("alice", "1234567", actor=MANAGER).pk == 42
