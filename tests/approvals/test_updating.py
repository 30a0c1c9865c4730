"""New shared inputs, with a real Nix and a small stand-in for the hive's own flake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from agents import actors, configuration
from agents.repositories import lock, meta
from agents.repositories.git import git
from approvals import bases, decisions, digests, inputs, requests, tags
from approvals.decisions import DecisionRefused
from approvals.models import Approval, Tag
from approvals.requests import RequestRefused
from tests.approvals import hive
from tests.approvals.hive import BEA, MANAGER, PlayedContainers, fresh, nix, work

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(240)]
STUB = Path(__file__).parents[1] / "repositories" / "stub-flake.nix"


@pytest.fixture
def flake(tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch, containers: PlayedContainers) -> Path:
    """The flake that all agents share, a store of the test's own, a manager and alice."""
    folder = tmp_path / "hive"
    folder.mkdir()
    shutil.copy(STUB, folder / "flake.nix")
    settings.HIVE_FLAKE = f"path:{folder}"  # type: ignore[attr-defined]
    for name in ("STORE", "STATE", "LOG", "CONF"):
        monkeypatch.setenv(f"NIX_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("NIX_CONFIG", "sandbox = false\nbuild-users-group =\nsubstituters =\n")
    requests.spawn_manager(actor=actors.SYSTEM)
    work()
    hive.spawned()
    return folder


def asked() -> Approval:
    approval = requests.update_inputs(actor=MANAGER, description="newer tools")
    work()
    return fresh(approval)


def locked() -> bytes:
    return configuration.meta_lock()


def change(flake: Path, text: str = "# newer\n") -> None:
    (flake / "flake.nix").write_text((flake / "flake.nix").read_text() + text)


def test_the_lock_is_shown_and_changes_only_when_approved(flake: Path) -> None:
    approval = asked()
    assert (approval.status, approval.kind, locked()) == ("pending", "update_inputs", b"")
    shown = approval.content.after["flake.lock"]
    assert json.loads(shown)["nodes"]["hyperhive"]["locked"]["narHash"]
    assert approval.content.before == {}
    assert approval.lock_hash == inputs.lock_hash(shown.encode())
    decisions.approve(approval, actor=BEA, typed_name="hm1nd")
    work()
    done = fresh(approval)
    assert (done.status, locked().decode()) == ("deployed", shown)
    assert configuration.meta_repository().tags()[f"deployed/{approval.pk}"].commit == done.commit
    assert (django_settings.HIVE_PATHS.meta / "flake.lock").read_text() == shown
    assert inputs.approved_lock() == done.lock_hash


def test_a_second_update_shows_old_and_new(flake: Path) -> None:
    decisions.approve(asked(), actor=BEA, typed_name="hm1nd")
    work()
    old = locked()
    change(flake)
    approval = asked()
    base = bases.of(approval, bases.RUNNING)
    assert base is not None
    assert base.files == {"flake.lock": old.decode()}
    assert approval.content.after["flake.lock"] != old.decode()
    assert [each.name for each in bases.known(approval)] == ["running"]


def test_nothing_newer_is_no_question(flake: Path) -> None:
    decisions.approve(asked(), actor=BEA, typed_name="hm1nd")
    work()
    again = asked()
    assert (again.status, "nothing to update" in again.note) == ("failed", True)


def test_only_one_update_at_a_time(flake: Path) -> None:
    approval = asked()
    with pytest.raises(RequestRefused, match=f"approval {approval.pk} is pending"):
        requests.update_inputs(actor=BEA)
    decisions.deny(approval, actor=BEA, note="not this week")
    work()
    assert configuration.meta_repository().tags()[f"denied/{approval.pk}"].message == "not this week"
    assert locked() == b""
    assert asked().status == "pending"


def test_pending_approvals_ask_for_a_fresh_look(flake: Path) -> None:
    waiting = hive.proposed(nix())
    seen = digests.shown(waiting)
    decisions.approve(asked(), actor=BEA, typed_name="hm1nd")
    work()
    waiting = fresh(waiting)
    assert (waiting.status, waiting.fresh_look, waiting.lock_hash) == ("pending", True, inputs.lock_hash(locked()))
    for without in ("", seen):
        with pytest.raises(DecisionRefused, match="look"):
            decisions.approve(waiting, actor=BEA, seen=without)
    decisions.approve(waiting, actor=BEA, seen=digests.shown(waiting))
    work()
    assert fresh(waiting).status == "deployed"
    assert locked(), "a deploy keeps the lock"


def test_what_was_approved_before_the_update_is_superseded(flake: Path) -> None:
    update = decisions.approve(asked(), actor=BEA, typed_name="hm1nd")
    waiting = decisions.approve(hive.proposed_only(nix()), actor=BEA)
    hive.run_job(update, "update_inputs")
    work()
    assert (fresh(waiting).status, "flake.lock" in fresh(waiting).note) == ("superseded", True)


def test_a_lock_that_cannot_be_used_is_aborted(flake: Path) -> None:
    (flake / "flake.nix").write_text('{ outputs = { self }: { nixosConfigurations = throw "gone for good"; }; }')
    approval = asked()
    decisions.approve(approval, actor=BEA, typed_name="hm1nd")
    work()
    failed = fresh(approval)
    assert (failed.status, "gone for good" in failed.note, locked()) == ("failed", True, b"")
    assert configuration.meta_repository().tags()[f"failed/{approval.pk}"].annotated
    assert git(django_settings.HIVE_PATHS.meta, "status", "--porcelain") == b""


def test_another_lock_meanwhile_supersedes(flake: Path) -> None:
    approval = asked()
    decisions.approve(approval, actor=BEA, typed_name="hm1nd")
    folder = django_settings.HIVE_PATHS.job(999)
    folder.mkdir(parents=True)
    meta.adopt_lock(django_settings.HIVE_PATHS.meta, folder, b"{}\n", "by hand", hyperhive_url=f"path:{flake}")
    work()
    assert (fresh(approval).status, locked()) == ("superseded", b"{}\n")


def test_another_text_than_the_one_shown_supersedes(flake: Path) -> None:
    approval = asked()
    approval.content.after = {"flake.lock": "{}"}
    approval.content.save()
    decisions.approve(approval, actor=BEA, typed_name="hm1nd")
    work()
    assert (fresh(approval).status, locked()) == ("superseded", b"")


def test_an_operator_aborts_it_while_it_is_prepared(flake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = asked()
    decisions.approve(approval, actor=BEA, typed_name="hm1nd")
    try_lock = configuration.try_lock

    def meanwhile(*given: object) -> None:
        decisions.cancel(fresh(approval), actor=BEA, note="wait")
        try_lock(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(configuration, "try_lock", meanwhile)
    work()
    assert (fresh(approval).status, locked()) == ("cancelled", b"")


def test_an_update_cut_off_after_the_lock_is_finished(flake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = asked()
    decisions.approve(approval, actor=BEA, typed_name="hm1nd")
    with monkeypatch.context() as cut:
        cut.setattr(tags, "plant_in_meta", hive.killed)
        with pytest.raises(hive.Killed):
            work()
    hive.restart()
    assert fresh(approval).status == "deployed"
    assert configuration.meta_repository().tags()[f"deployed/{approval.pk}"]


def test_building_every_agent_with_the_new_lock(flake: Path, tmp_path: Path) -> None:
    approval = asked()
    said: list[str] = []
    staged = meta.stage_all(
        django_settings.HIVE_PATHS.meta,
        tmp_path,
        hyperhive_url=f"path:{flake}",
        lock=approval.content.after["flake.lock"].encode(),
    )
    lock.check(staged, tmp_path / "nix", said.append, build=True)
    assert "Building alice." in said
    (staged / "agents/alice/tree/agent.nix").write_text("{ x = nonsense; }")
    with pytest.raises(lock.LockFailed, match="undefined variable 'nonsense'"):
        lock.check(staged, tmp_path / "nix", said.append, build=True)


def test_metas_tags_are_mirrored_without_an_agent(flake: Path) -> None:
    approval = asked()
    decisions.approve(approval, actor=BEA, typed_name="hm1nd")
    work()
    Tag.objects.filter(agent=None).delete()
    tags.reconcile_meta()
    assert Tag.objects.get(agent=None).name == f"deployed/{approval.pk}"
    assert not Tag.objects.filter(agent__name="hm1nd", name=f"deployed/{approval.pk}").exists()
