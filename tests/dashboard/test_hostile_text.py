from __future__ import annotations

import pytest
from django.test import Client

from agents.models import Job
from approvals.models import ApprovalContent
from broker.sending import Sender, send
from tests import builders

pytestmark = pytest.mark.django_db
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31mred\x1b]0;title\x07 \u202eevil\u2066 '\"--> {{ 7 }}"
)
MUST_NOT = ("<script>alert", "<img src=x", "\x1b", "\x07", "\u202e", "\u2066")


def everywhere() -> list[str]:
    """Put the text wherever an agent can write; returns the pages that show it."""
    alice = builders.agent(
        "alice",
        running=True,
        connected=True,
        failed=True,
        status_text=HOSTILE[:200],
        problem=HOSTILE,
        failure=HOSTILE,
        active_model=HOSTILE[:100],
    )
    options = builders.agent_options(instructions=HOSTILE)
    approval = builders.approval(
        alice, commit="4" * 40, description=HOSTILE, note=HOSTILE, ignored=[HOSTILE], options=options
    )
    ApprovalContent.objects.create(approval=approval, after={"agent.nix": f"# {HOSTILE}\n", HOSTILE: HOSTILE})
    job = Job.objects.create(agent=alice, kind="deploy", approval_id=approval.pk, error=HOSTILE, status="failed")
    job.lines.create(text=HOSTILE)
    sent = send(Sender.agent("alice"), "operator", f"{HOSTILE}\n```nix\n{HOSTILE}\n```\n")
    return [
        "/",
        "/approvals/",
        f"/approvals/{approval.pk}/",
        f"/approvals/{approval.pk}/?whole",
        "/jobs/",
        f"/jobs/{job.pk}/",
        "/agents/alice/",
        f"/messages/{sent.id}/",
        f"/admin/approvals/approval/{approval.pk}/change/",
        f"/admin/agents/agent/{alice.pk}/change/",
        f"/admin/agents/job/{job.pk}/change/",
    ]


def test_it_is_shown_harmless_on_every_page(client: Client) -> None:
    for page in everywhere():
        answer = client.get(page)
        assert answer.status_code == 200, page
        html = answer.content.decode()
        assert "&lt;script&gt;" in html, page
        found = [what for what in MUST_NOT if what in html]
        assert not found, (page, found)


def test_a_line_of_a_megabyte_does_not_fill_a_page(client: Client) -> None:
    alice = builders.agent("alice")
    approval = builders.approval(alice, commit="4" * 40, description="x" * 20_000)
    ApprovalContent.objects.create(approval=approval, after={"agent.nix": "y" * 1_000_000})
    answer = client.get(f"/approvals/{approval.pk}/")
    assert len(answer.content) < 100_000
    assert "998000 more characters on this line" in answer.content.decode()
