"""Built before anyone decides, where the operator's setting asks for it."""

from __future__ import annotations

import pytest

from agents import configuration
from agents.models import Job, JobLine
from agents.nixconfig.evaluate import Evaluation, EvaluationFailed
from approvals import decisions, prebuild
from approvals.models import Approval
from tests.approvals import hive
from tests.approvals.hive import BEA, Killed, PlayedContainers, fresh, nix, restart, work
from tests.approvals.test_driven_again import kill_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def _asked_for(settings: object, containers: PlayedContainers) -> None:
    hive.spawned()
    settings.HIVE_PREBUILD = True  # type: ignore[attr-defined]


@pytest.mark.usefixtures("_asked_for")
def test_it_is_built_in_the_background_and_its_log_can_be_read(containers: PlayedContainers) -> None:
    containers.calls.clear()
    approval = hive.proposed(nix())
    job = Job.objects.get(kind="prebuild")
    assert approval.prebuild == {"status": "ok", "job": job.pk, "error": ""}
    assert (job.lane, job.status) == ("build", "done")
    said = list(JobLine.objects.filter(job=job).values_list("text", flat=True))
    assert "Evaluating agent.nix." in said
    assert containers.calls == []
    assert hive.main() != approval.commit


def test_without_the_setting_nothing_is_built(containers: PlayedContainers) -> None:
    hive.spawned()
    assert hive.proposed(nix()).prebuild == {}
    assert not Job.objects.filter(kind="prebuild").exists()


@pytest.mark.usefixtures("_asked_for")
def test_what_cannot_be_built_says_why_and_can_still_be_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> Evaluation:
        raise EvaluationFailed("no such package")

    monkeypatch.setattr(configuration, "build", broken)
    approval = hive.proposed(nix())
    assert (approval.prebuild["status"], approval.prebuild["error"]) == ("failed", "no such package")
    assert decisions.deny(approval, actor=BEA).status == "denied"


@pytest.mark.usefixtures("_asked_for")
def test_other_options_than_those_shown_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    build = configuration.build

    def other(*given: object) -> Evaluation:
        built = build(*given)  # type: ignore[arg-type]
        return Evaluation({**built.options, "network": "host"}, built.ignored)

    monkeypatch.setattr(configuration, "build", other)
    assert "other options than those shown: network" in hive.proposed(nix()).prebuild["error"]


@pytest.mark.usefixtures("_asked_for")
def test_a_decision_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    approval = hive.proposed_only(nix())
    build = configuration.build

    def decided_meanwhile(*given: object) -> Evaluation:
        decisions.deny(approval, actor=BEA)
        return build(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(configuration, "build", decided_meanwhile)
    hive.run_job(approval, "prebuild")
    assert "was decided meanwhile" in JobLine.objects.filter(job__kind="prebuild").latest("id").text


@pytest.mark.usefixtures("_asked_for")
def test_killed_it_is_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    approval = hive.proposed_only(nix())
    kill_at(monkeypatch, configuration, "build", 1)
    with pytest.raises(Killed):
        work()
    assert fresh(approval).prebuild["status"] == prebuild.RUNNING
    restart()
    assert fresh(approval).prebuild["status"] == prebuild.OK


@pytest.mark.usefixtures("_asked_for")
def test_a_request_that_fails_is_not_built(containers: PlayedContainers) -> None:
    from approvals import requests

    requests.apply_commit("alice", hive.committed("{ nonsense"), actor=hive.MANAGER)
    work()
    assert Approval.objects.latest("id").status == "failed"
    assert not Job.objects.filter(kind="prebuild").exists()
