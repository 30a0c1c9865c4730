from __future__ import annotations

import pytest

from agents import actors, jobs
from agents.models import Job
from approvals.redrive import redrive
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("status", "kind"), [("pinning", "pin"), ("approved", "deploy"), ("building", "deploy")])
def test_an_approval_without_its_job_gets_one(status: str, kind: str) -> None:
    approval = builders.approval(status=status)
    assert redrive() == [approval]
    job = Job.objects.get()
    assert (job.kind, job.approval_id) == (kind, approval.pk)


def test_an_approval_whose_job_waits_is_left_alone() -> None:
    approval = builders.approval(status="approved")
    jobs.request("deploy", approval.agent, actor=actors.SYSTEM, approval_id=approval.pk)
    assert redrive() == []
    assert Job.objects.count() == 1


@pytest.mark.parametrize("status", ["pending", "deployed", "failed", "denied", "cancelled", "superseded"])
def test_what_waits_for_no_job_is_left_alone(status: str) -> None:
    builders.approval(status=status)
    assert redrive() == []
