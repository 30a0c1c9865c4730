from __future__ import annotations

import pytest
from django.test import Client

from agents.models import Agent, Job
from approvals.models import Approval, ApprovalContent, CommitFiles, Tag
from tests import builders
from tests.dashboard.test_home import words

pytestmark = pytest.mark.django_db
OLD = "3" * 40


@pytest.fixture
def alice() -> Agent:
    """Runs deployed/7; deployed/0 was something smaller."""
    made = builders.agent("alice")
    before = builders.deployment(made, approval_id=0, commit=OLD, options=builders.agent_options(memoryMax="1G"))
    made.deployment = builders.deployment(made, approval_id=7)
    made.save()
    Tag.objects.create(agent=made, name="deployed/0", commit=before.commit)
    Tag.objects.create(agent=made, name="deployed/7", commit=builders.COMMIT)
    runs = builders.approval(made, pk=7, status="deployed")
    ApprovalContent.objects.create(approval=runs, after={"agent.nix": "{ big = true; }\n"})
    return made


def test_the_way_back_is_shown_before_it_is_asked_for(client: Client, alice: Agent) -> None:
    CommitFiles.objects.create(agent=alice, commit=OLD, files={"agent.nix": "{ small = true; }\n"})
    page = client.get("/agents/alice/rollback/0/").content
    said = words(page)
    assert said.index("big") < said.index("small")
    assert "memoryMax 2G → 1G" in said
    assert b'name="reason"' in page
    assert not Approval.objects.filter(kind="rollback").exists()


def test_files_that_nobody_has_kept_are_read_once(client: Client, alice: Agent) -> None:
    for _ in range(2):
        assert "are being read" in words(client.get("/agents/alice/rollback/0/").content)
    job = Job.objects.get(kind="remember")
    assert job.options == {"commit": OLD}


def test_what_runs_cannot_be_put_back(client: Client, alice: Agent) -> None:
    page = client.get("/agents/alice/rollback/7/").content
    assert b'name="reason"' not in page
    assert client.get("/agents/alice/rollback/99/").status_code == 404
    assert client.get("/agents/ghost/rollback/0/").status_code == 404


def test_the_deploys_lead_there(client: Client, alice: Agent) -> None:
    page = client.get("/agents/alice/").content.decode()
    assert 'href="/agents/alice/rollback/0/"' in page
    assert 'href="/agents/alice/rollback/7/"' not in page


def test_a_build_can_be_stopped_from_its_page(client: Client, alice: Agent) -> None:
    approval = builders.approval(alice, status="building")
    Job.objects.create(agent=alice, kind="deploy", approval_id=approval.pk, requested_by="system", status="running")
    assert "Stop the build" in words(client.get(f"/approvals/{approval.pk}/").content)
    client.post(f"/approvals/{approval.pk}/decide/", {"decision": "cancel", "note": "no"})
    approval.refresh_from_db()
    assert approval.status == "cancelled"
    Approval.objects.filter(pk=approval.pk).update(status="building", ending="deployed")
    assert "Stop the build" not in words(client.get(f"/approvals/{approval.pk}/").content)
