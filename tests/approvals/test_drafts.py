"""Spawning in two steps: write it down, then ask for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from agents import lifecycle
from agents.lifecycle import LifecycleRefused
from agents.models import Agent, Job
from agents.naming import NameRefused
from approvals import decisions, drafts, requests
from approvals.models import AuditEvent
from approvals.requests import RequestRefused
from tests.approvals import hive
from tests.approvals.hive import BEA, MANAGER, PlayedContainers, fresh, nix, work

pytestmark = pytest.mark.django_db
Lifecycle = Agent.Lifecycle


@pytest.fixture
def bob(containers: PlayedContainers) -> Agent:
    drafts.make("bob", actor=MANAGER)
    work()
    return hive.agent("bob")


def folders(name: str = "bob") -> list[Path]:
    paths = settings.HIVE_PATHS
    return [folder for folder in (paths.agent(name), paths.applied(name)) if folder.exists()]


def test_a_draft_has_folders_and_no_container(bob: Agent, containers: PlayedContainers) -> None:
    paths = settings.HIVE_PATHS
    assert bob.lifecycle == Lifecycle.DRAFT
    assert paths.proposed("bob").joinpath("agent.nix").exists()
    assert paths.notes("bob").is_dir()
    assert containers.calls == []
    (draft,) = drafts.known()
    assert (draft.agent, draft.made_by, draft.made, draft.problem) == (bob, "agent:hm1nd", True, "")
    assert AuditEvent.objects.get().action == "draft made"


def test_it_is_spawned_from_the_commit_that_was_approved(bob: Agent) -> None:
    commit = hive.committed(nix("3G"), "bob")
    approval = requests.spawn_commit("bob", commit[:10], actor=MANAGER, description="we need one")
    work()
    hive.committed(nix("4G"), "bob")
    approval = fresh(approval)
    assert (approval.status, approval.commit, approval.kind) == ("pending", commit, "spawn")
    assert approval.content.after["agent.nix"] == nix("3G")
    decisions.approve(approval, actor=BEA)
    work()
    now = hive.agent("bob")
    assert (now.lifecycle, now.deployment.commit) == (Lifecycle.LIVE, commit)  # type: ignore[union-attr]
    assert {"deployed/0", f"deployed/{approval.pk}"} <= set(hive.tags("bob"))


@pytest.mark.parametrize("decide", [decisions.deny, decisions.cancel])
def test_a_refusal_leaves_the_draft_as_it_was(bob: Agent, decide: object) -> None:
    approval = requests.spawn_commit("bob", hive.committed(nix(), "bob"), actor=MANAGER)
    work()
    decide(fresh(approval), actor=BEA, note="no")  # type: ignore[operator]
    work()
    assert hive.agent("bob").lifecycle == Lifecycle.DRAFT
    assert settings.HIVE_PATHS.proposed("bob").joinpath("agent.nix").read_text() == nix()


def test_what_does_not_evaluate_leaves_the_draft_too(bob: Agent) -> None:
    approval = requests.spawn_commit("bob", hive.committed("{ nonsense", "bob"), actor=MANAGER)
    work()
    assert fresh(approval).status == "failed"
    assert hive.agent("bob").lifecycle == Lifecycle.DRAFT


def test_a_one_shot_spawn_of_a_draft_takes_what_its_repository_holds(bob: Agent) -> None:
    commit = hive.committed(nix(), "bob")
    approval = requests.spawn("bob", actor=BEA)
    work()
    assert fresh(approval).commit == commit
    decisions.cancel(fresh(approval), actor=BEA)
    work()
    assert hive.agent("bob").lifecycle == Lifecycle.DRAFT


def test_a_one_shot_spawn_shows_a_diff_and_its_refusal_removes_what_it_made(containers: PlayedContainers) -> None:
    approval = requests.spawn("bob", actor=MANAGER)
    work()
    assert "hyperhive.driver" in fresh(approval).content.after["agent.nix"]
    decisions.deny(fresh(approval), actor=BEA)
    work()
    assert (hive.agent("bob").lifecycle, folders()) == (Lifecycle.GONE, [])


def test_the_refused_revival_of_kept_state_removes_nothing(containers: PlayedContainers) -> None:
    bob = hive.spawned("bob")
    lifecycle.destroy(bob, actor=BEA)
    work()
    approval = requests.spawn("bob", actor=MANAGER)
    work()
    decisions.deny(fresh(approval), actor=BEA)
    work()
    assert hive.agent("bob").lifecycle == Lifecycle.KEPT
    assert len(folders()) == 2


def test_a_draft_can_be_thrown_away(bob: Agent) -> None:
    hive.committed(nix(), "bob")
    drafts.discard(bob, actor=BEA)
    work()
    assert (hive.agent("bob").lifecycle, folders(), drafts.known()) == (Lifecycle.GONE, [], [])
    assert [event.action for event in AuditEvent.objects.order_by("id")] == ["draft made", "draft discarded"]
    drafts.make("bob", actor=MANAGER)
    work()
    assert hive.agent("bob").lifecycle == Lifecycle.DRAFT


def test_a_draft_that_is_asked_for_cannot_be_thrown_away(bob: Agent) -> None:
    requests.spawn_commit("bob", hive.committed(nix(), "bob"), actor=MANAGER)
    with pytest.raises(RequestRefused, match="bob is no draft"):
        drafts.discard(bob, actor=BEA)


def test_a_draft_that_is_spawned_before_its_removal_begins_stays(bob: Agent) -> None:
    drafts.discard(bob, actor=BEA)
    Agent.objects.filter(pk=bob.pk).update(lifecycle=Lifecycle.REQUESTED)
    work()
    assert folders()
    assert hive.agent("bob").lifecycle == Lifecycle.REQUESTED


def test_names_that_are_taken_are_refused_and_nothing_is_recorded(containers: PlayedContainers) -> None:
    hive.spawned("alice")
    kept = hive.spawned("kip")
    lifecycle.destroy(kept, actor=BEA)
    work()
    settings.HIVE_PATHS.agent("unknown").mkdir(parents=True)
    before = Job.objects.count(), AuditEvent.objects.count()
    for name, says in (("alice", "there already"), ("kip", "kept"), ("unknown", "kept")):
        with pytest.raises(RequestRefused, match=says):
            drafts.make(name, actor=MANAGER)
    for name in ("hm1nd", "waytoolong1", "Über"):
        with pytest.raises(NameRefused):
            drafts.make(name, actor=MANAGER)
    assert (Job.objects.count(), AuditEvent.objects.count()) == before


def test_a_draft_is_not_destroyed(bob: Agent) -> None:
    with pytest.raises(LifecycleRefused, match="throw the draft away"):
        lifecycle.destroy(bob, actor=BEA)


def test_nobody_asks_for_a_commit_of_what_is_not_there(bob: Agent) -> None:
    with pytest.raises(RequestRefused, match="no agent"):
        requests.spawn_commit("ghost", "1234567", actor=MANAGER)
    with pytest.raises(RequestRefused, match="not a commit"):
        requests.spawn_commit("bob", "HEAD", actor=MANAGER)
    hive.spawned("alice")
    with pytest.raises(RequestRefused, match="request_apply_commit"):
        requests.spawn_commit("alice", "1234567", actor=MANAGER)
