"""Flags compare with what runs: when that changes, they are worked out again before anybody can approve."""

from __future__ import annotations

import pytest

from agents import jobs
from agents.models import Job
from approvals import decisions, reflagging
from approvals.decisions import DecisionRefused
from approvals.models import Approval
from tests.approvals import hive
from tests.approvals.hive import BEA, PlayedContainers, fresh, work

pytestmark = pytest.mark.django_db
NARROW = '{ hyperhive.driver = "scripted"; hyperhive.allowedRecipients = [ "manager" ]; }\n'
WIDE = '{ hyperhive.driver = "scripted"; hyperhive.allowedRecipients = [ "manager" "operator" ]; }\n'


def rules(approval: Approval) -> set[str]:
    return {flag["rule"] for flag in fresh(approval).flags}


def test_what_became_wider_by_another_deploy_is_flagged_and_not_approved_unseen(containers: PlayedContainers) -> None:
    """Proposed while everything was allowed, it allows less; once less runs, it allows more."""
    hive.spawned()
    wide, narrow = hive.proposed(WIDE), hive.proposed(NARROW)
    assert "widened-recipients" not in rules(wide)
    decisions.approve(narrow, actor=BEA)
    deploy = Job.objects.get(approval_id=narrow.pk, kind="deploy")
    jobs.run(deploy.pk)
    assert fresh(narrow).status == "deployed", fresh(narrow).note
    assert reflagging.is_stale(fresh(wide))
    with pytest.raises(DecisionRefused, match="runs something else by now"):
        decisions.approve(fresh(wide), actor=BEA, typed_name="alice")
    work()
    assert "widened-recipients" in rules(wide)
    with pytest.raises(DecisionRefused, match="type the agent's name"):
        decisions.approve(fresh(wide), actor=BEA)
    assert decisions.approve(fresh(wide), actor=BEA, typed_name="alice").status == "approved"


def test_nothing_is_done_where_nothing_waits(containers: PlayedContainers) -> None:
    hive.spawned()
    assert not Job.objects.filter(kind="reflag").exists()
