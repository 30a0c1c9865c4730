from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client

from agents.models import Agent, Job
from approvals.models import Approval, ApprovalContent, Tag
from tests import builders

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
NIX = '{ ... }: { hyperhive.driver = "scripted"; }\n'


def words(html: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.decode()))


@pytest.fixture
def alice(db: None) -> Agent:
    """Alice, deployed once, with the file that was deployed."""
    agent = builders.agent("alice", running=True, connected=True)
    spawned = builders.approval(agent, kind="spawn", status="deployed", decided_by="ada")
    ApprovalContent.objects.create(approval=spawned, after={"agent.nix": NIX})
    Tag.objects.create(agent=agent, name="deployed/0", commit=builders.COMMIT)
    return agent


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "rebuild"])
def test_a_verb_records_a_job(client: Client, alice: Agent, verb: str) -> None:
    answer = client.post(f"/agents/alice/{verb}/", {"back": "/agents/alice/"})
    assert answer.headers["Location"] == "/agents/alice/"
    job = Job.objects.get()
    assert (job.kind, job.requested_by) == (verb, "operator:ada")
    alice.refresh_from_db()
    assert alice.wanted is (verb != "stop")


def test_asking_twice_is_one_job(client: Client, alice: Agent) -> None:
    for _ in range(2):
        assert client.post("/agents/alice/restart/", headers=HTMX).status_code == 204
    assert Job.objects.count() == 1


def test_a_verb_that_makes_no_sense_is_refused(client: Client) -> None:
    builders.agent("alice", lifecycle=Agent.Lifecycle.KEPT)
    answer = client.post("/agents/alice/start/", headers=HTMX)
    assert answer.status_code == 409
    assert "has no container" in answer.headers["HX-Trigger"]


@pytest.mark.parametrize("typed", ["", "Alice", "alic"])
def test_destroying_needs_the_typed_name(client: Client, alice: Agent, typed: str) -> None:
    answer = client.post("/agents/alice/destroy/", {"typed": typed}, headers=HTMX)
    assert answer.status_code == 409
    assert "type alice to confirm" in answer.headers["HX-Trigger"]
    assert not Job.objects.exists()


@pytest.mark.parametrize("purge", [True, False])
def test_destroying_records_a_job(client: Client, alice: Agent, purge: bool) -> None:
    answer = client.post("/agents/alice/destroy/", {"typed": "alice", **({"purge": "yes"} if purge else {})})
    assert answer.headers["Location"] == "/"
    assert Job.objects.get(kind="destroy").options == {"purge": purge}


def test_the_manager_cannot_be_destroyed(client: Client) -> None:
    builders.agent("hm1nd")
    assert "Destroy hm1nd" not in words(client.get("/agents/hm1nd/").content)
    answer = client.post("/agents/hm1nd/destroy/", {"typed": "hm1nd"}, headers=HTMX)
    assert "cannot do without it" in answer.headers["HX-Trigger"]


def test_the_way_back_never_leaves_the_hive(client: Client, alice: Agent) -> None:
    for back in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        assert client.post("/agents/alice/restart/", {"back": back}).headers["Location"] == "/"


def test_a_rollback_is_an_approval_of_its_own(client: Client, alice: Agent) -> None:
    answer = client.post("/agents/alice/rollback/", {"tag": "deployed/0", "reason": "The new one is slow."})
    approval = Approval.objects.get(kind="rollback")
    assert answer.headers["Location"] == f"/approvals/{approval.pk}/"
    assert (approval.status, approval.decided_by, approval.description) == ("approved", "ada", "The new one is slow.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tag": "deployed/0"}, "Say why"),
        ({"tag": "deployed/9", "reason": "x"}, "has no deployed/9"),
        ({"tag": "failed/1", "reason": "x"}, "is not a deploy"),
    ],
)
def test_a_rollback_without_reason_or_deploy_is_refused(
    client: Client, alice: Agent, given: dict[str, str], said: str
) -> None:
    answer = client.post("/agents/alice/rollback/", given, headers=HTMX)
    assert answer.status_code == 409
    assert said in answer.headers["HX-Trigger"]
    assert not Approval.objects.filter(kind="rollback").exists()


def test_the_applied_file_is_served_as_text(client: Client, alice: Agent) -> None:
    answer = client.get("/api/agent-config/alice")
    assert answer.content.decode() == NIX
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_after_a_rollback_the_file_of_the_earlier_deploy_is_served(client: Client, alice: Agent) -> None:
    back = builders.approval(alice, kind="rollback", status="deployed")
    alice.deployment = builders.deployment(alice, approval_id=back.pk)
    alice.save()
    assert client.get("/api/agent-config/alice").content.decode() == NIX


def test_a_waiting_proposal_is_never_served(client: Client, alice: Agent) -> None:
    proposed = builders.approval(alice, commit="9" * 40)
    ApprovalContent.objects.create(approval=proposed, after={"agent.nix": "{ evil = true; }"})
    assert client.get("/api/agent-config/alice").content.decode() == NIX


@pytest.mark.parametrize("name", ["nobody", "Alice", "..", "alice%2f..", "a" * 300])
def test_only_agents_that_exist_have_a_file(client: Client, alice: Agent, name: str) -> None:
    assert client.get(f"/api/agent-config/{name}").status_code == 404


def test_an_agent_that_is_gone_has_no_file(client: Client, alice: Agent) -> None:
    Agent.objects.update(lifecycle=Agent.Lifecycle.GONE)
    assert client.get("/api/agent-config/alice").status_code == 404


def test_the_viewer_colours_the_file(client: Client, alice: Agent) -> None:
    part = client.get("/agents/alice/agent.nix", headers=HTMX).content.decode()
    assert "<html" not in part
    assert 'class="c-' in part
    assert "hyperhive" in words(client.get("/agents/alice/agent.nix").content)


def test_the_containers_log_is_shown_harmless(client: Client, alice: Agent) -> None:
    path = settings.HIVE_PATHS.container_log("alice")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\x1b[31mred\x1b[0m <script>alert(1)</script>\n")
    html = client.get("/agents/alice/log/").content.decode()
    assert "&lt;script&gt;alert(1)" in html
    assert "\x1b" not in html


def test_the_page_of_a_destroyed_agent_offers_to_revive_it(client: Client) -> None:
    builders.agent("alice", lifecycle=Agent.Lifecycle.KEPT)
    said = words(client.get("/agents/alice/").content)
    assert "Revive" in said
    assert "Restart" not in said
