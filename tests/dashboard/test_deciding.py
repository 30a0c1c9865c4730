from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents import actors
from agents.models import Job
from approvals import decisions
from approvals.models import Approval, ApprovalContent, AuditEvent
from tests import builders

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def waiting(**fields: Any) -> Approval:
    approval = builders.approval(**{"commit": "4" * 40, **fields})
    ApprovalContent.objects.create(
        approval=approval, before={"agent.nix": "{ a = 1; }\n"}, after={"agent.nix": "{ a = 2; }\n", "x.bin": None}
    )
    return approval


def words(html: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.decode()))


@pytest.mark.parametrize(("decision", "status"), [("approve", "approved"), ("deny", "denied"), ("cancel", "cancelled")])
def test_a_decision_is_made_once_and_audited(client: Client, decision: str, status: str) -> None:
    approval = waiting()
    answer = client.post(f"/approvals/{approval.pk}/decide/", {"decision": decision, "note": "one\ntwo"})
    assert answer.headers["Location"] == f"/approvals/{approval.pk}/"
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by, approval.note) == (status, "ada", "one\ntwo")
    assert AuditEvent.objects.get(to_status=status).actor == "operator:ada"


def test_approving_queues_the_build(client: Client) -> None:
    approval = waiting()
    client.post(f"/approvals/{approval.pk}/decide/", {"decision": "approve"}, headers=HTMX)
    assert Job.objects.get(kind="deploy").approval_id == approval.pk


def test_the_second_decision_says_who_decided(client: Client) -> None:
    approval = waiting()
    decisions.deny(approval, actor=actors.operator("grace"))
    answer = client.post(f"/approvals/{approval.pk}/decide/", {"decision": "approve"}, headers=HTMX)
    assert answer.status_code == 409
    assert "already denied by grace" in answer.headers["HX-Trigger"]
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize("decision", ["", "destroy"])
def test_a_strange_decision_changes_nothing(client: Client, decision: str) -> None:
    approval = waiting()
    assert client.post(f"/approvals/{approval.pk}/decide/", {"decision": decision}, headers=HTMX).status_code == 409
    approval.refresh_from_db()
    assert approval.status == "pending"


def test_the_page_shows_what_who_why_commit_and_change(client: Client) -> None:
    approval = waiting(description="More memory\nfor two browsers", ignored=["environment.systemPackages"])
    html = client.get(f"/approvals/{approval.pk}/").content
    for piece in ("alice", "hm1nd", "for two browsers", approval.commit, "environment.systemPackages", "Approve"):
        assert piece in words(html)
    assert 'class="removed"' in html.decode()
    assert "Binary, or too large" in html.decode()


def test_whole_files_show_on_request(client: Client) -> None:
    approval = waiting()
    lines = "".join(f"line {number}\n" for number in range(100))
    ApprovalContent.objects.update(before={"notes": lines}, after={"notes": lines + "more\n"})
    assert "line 50" not in client.get(f"/approvals/{approval.pk}/").content.decode()
    assert "line 50" in client.get(f"/approvals/{approval.pk}/?whole").content.decode()


def test_options_show_from_what_to_what(client: Client) -> None:
    approval = waiting(options=builders.agent_options(memoryMax="4G"))
    assert "memoryMax from 2G → to 4G" in words(client.get(f"/approvals/{approval.pk}/").content)


def test_what_to_look_at_twice_is_listed(client: Client) -> None:
    flag = {"rule": "network", "level": "high", "where": "network", "text": "reaches <all> of this machine"}
    approval = waiting(flags=[flag])
    html = client.get(f"/approvals/{approval.pk}/").content
    assert "high network reaches &lt;all&gt; of this machine" in words(html)
    assert "1 to look at twice" in words(client.get("/approvals/").content)
    assert "high: network" in words(client.get(f"/admin/approvals/approval/{approval.pk}/change/").content)


def test_what_nobody_would_see_is_pointed_out(client: Client) -> None:
    approval = waiting()
    ApprovalContent.objects.update(after={"agent.nix": "{ a = 1; } # \u202e ok\u200b\n"})
    html = client.get(f"/approvals/{approval.pk}/").content.decode()
    assert "\u202e" not in html
    assert "U+202E RIGHT-TO-LEFT OVERRIDE, U+200B ZERO WIDTH SPACE" in html


def test_the_change_is_shown_against_what_runs_now(client: Client) -> None:
    approval = waiting()
    alice = approval.agent
    other = builders.approval(alice, status="deployed", commit="3" * 40)
    ApprovalContent.objects.create(approval=other, after={"agent.nix": "{ a = 7; }\n"})
    alice.deployment = builders.deployment(alice, commit="3" * 40, approval_id=other.pk)
    alice.save()
    assert ">7<" in client.get(f"/approvals/{approval.pk}/").content.decode()


def test_files_that_were_never_kept_are_not_shown_as_removed(client: Client) -> None:
    running = builders.approval(status="deployed")
    ApprovalContent.objects.create(approval=running, after={"agent.nix": "{ a = 1; }\n"})
    refused = builders.approval(running.agent, status="failed", commit="5" * 40, base_commit=running.commit)
    html = client.get(f"/approvals/{refused.pk}/").content
    assert "The files of this commit were not kept" in words(html)
    assert 'class="removed"' not in html.decode()


def test_a_rollback_shows_the_way_back(client: Client) -> None:
    first, second = builders.approval(commit="4" * 40), builders.approval(commit="5" * 40)
    ApprovalContent.objects.create(approval=first, after={"agent.nix": "{ a = 1; }\n"})
    ApprovalContent.objects.create(approval=second, after={"agent.nix": "{ a = 2; }\n"})
    back = builders.approval(kind="rollback", status="approved", commit="4" * 40, base_commit="5" * 40)
    html = client.get(f"/approvals/{back.pk}/").content.decode()
    assert 'class="removed"' in html
    assert 'class="added"' in html


def test_a_decided_approval_shows_who_decided_and_its_job(client: Client) -> None:
    approval = waiting()
    decisions.approve(approval, actor=actors.operator("grace"))
    Job.objects.get().lines.create(text="Evaluating agent.nix.")
    said = words(client.get(f"/approvals/{approval.pk}/").content)
    assert "decided by grace" in said
    assert "Evaluating agent.nix." in said
    assert "Cancel request" not in said


def test_the_list_filters_by_status_and_agent(client: Client) -> None:
    builders.approval(status="deployed", description="first")
    builders.approval(builders.agent("bob"), status="denied", description="second")
    said = words(client.get("/approvals/?status=denied").content)
    assert ("second" in said, "first" in said) == (True, False)
    said = words(client.get("/approvals/?agent=alice").content)
    assert ("second" in said, "first" in said) == (False, True)
    assert "No approval matches" in words(client.get("/approvals/?agent=carl").content)


def test_the_queue_waits_on_the_list(client: Client, ada: User) -> None:
    waiting(description="Look at me")
    html = client.get("/approvals/").content
    assert "Look at me" in words(html)
    assert "<title>(1) Approvals" in html.decode()
