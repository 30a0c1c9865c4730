from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from agents.models import Agent, Job
from agents.naming import web_port
from approvals.models import Approval, AuditEvent
from hiveproject import overview
from tests import builders

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def words(html: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.decode()))


def test_an_empty_hive_says_what_to_do_next(client: Client, worker: None) -> None:
    said = words(client.get("/").content)
    for line in ("Nothing waits for you.", "No agents yet.", "Nothing has been built yet.", "Nobody has said anything"):
        assert line in said


def test_agents_show_with_state_deploy_and_status(client: Client) -> None:
    builders.agent("alice", running=True, connected=True, status_text="Sorting mail", active_model="opus")
    said = words(client.get("/").content)
    for piece in ("alice", "running", "scripted · opus", "deployed/0", "Sorting mail"):
        assert piece in said


def test_a_part_is_the_same_template_as_on_the_page(client: Client) -> None:
    builders.agent("alice")
    answer = client.get("/?panels=agents,jobs", headers=HTMX).content.decode()
    assert answer.count('hx-swap-oob="morph"') == 2
    assert "<html" not in answer
    assert 'id="agent-alice"' in answer


def test_parts_nobody_knows_give_the_whole_page(client: Client) -> None:
    assert "<html" in client.get("/?panels=secrets", headers=HTMX).content.decode()


def test_spawning_asks_and_leads_to_the_approval(client: Client) -> None:
    answer = client.post("/spawn/", {"name": "bob", "description": "Reads mail"})
    approval = Approval.objects.get(agent__name="bob")
    assert answer.headers["Location"] == f"/approvals/{approval.pk}/"
    assert (approval.requested_by, approval.description) == ("operator:ada", "Reads mail")
    assert AuditEvent.objects.filter(approval_id=approval.pk, actor="operator:ada").exists()
    assert Job.objects.filter(kind="pin", approval_id=approval.pk).exists()


def test_spawning_by_htmx_leads_there_too(client: Client) -> None:
    answer = client.post("/spawn/", {"name": "bob"}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == f"/approvals/{Approval.objects.get().pk}/"


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "tencharss1", "ａlice", "hm1nd", "operator", "bob-"])
def test_a_bad_name_is_refused_with_the_reason(client: Client, name: str) -> None:
    answer = client.post("/spawn/", {"name": name}, headers=HTMX)
    assert answer.status_code == 409
    assert "name" in answer.headers["HX-Trigger"] or "hm1nd" in answer.headers["HX-Trigger"]
    assert not Agent.objects.exists()


def test_a_refusal_without_javascript_stands_on_the_page(client: Client) -> None:
    answer = client.post("/spawn/", {"name": "A"}, follow=True)
    assert "Not asked for: agent name" in words(answer.content)


def test_attention_names_what_needs_a_person(db: None, worker: None) -> None:
    builders.approval(description="More memory")
    builders.agent("bob", failed=True, failure="exit code 1")
    builders.agent("carl", running=True, needs_login=True)
    builders.agent("dora", running=True, problem="no claude here")
    titles = [item.title for item in overview.attention()]
    assert titles == ["Change to alice", "bob crashed", "carl needs login", "dora reports a problem"]


def test_attention_says_that_the_worker_is_gone(db: None) -> None:
    assert overview.attention()[0].title == "The worker is not running"


def test_a_failed_deploy_needs_attention_until_something_follows(db: None, worker: None) -> None:
    now = timezone.now()
    builders.approval(status="failed", decided_at=now, finished_at=now, note="error: no such attribute")
    assert [item.detail for item in overview.attention()] == ["error: no such attribute"]
    builders.approval(status="deployed")
    assert overview.attention() == []


def test_what_failed_before_anyone_was_asked_needs_nobody(db: None, worker: None) -> None:
    builders.approval(status="failed", note="does not evaluate")
    assert overview.attention() == []


def test_a_failed_start_needs_attention(db: None, worker: None) -> None:
    alice = builders.agent("alice")
    Job.objects.create(agent=alice, kind="start", status="failed", error="no room", finished_at=timezone.now())
    assert [item.title for item in overview.attention()] == ["Start of alice failed"]


def test_two_names_with_one_port_are_pointed_out(db: None, worker: None) -> None:
    first, second = _colliding()
    builders.agent(first)
    builders.agent(second)
    (item,) = overview.attention()
    assert item.title.startswith(f"{first} and {second} share port")


def _colliding() -> tuple[str, str]:
    seen: dict[int, str] = {}
    for number in range(2_000):
        name = f"a{number}"
        if web_port(name) in seen:
            return seen[web_port(name)], name
        seen[web_port(name)] = name
    raise AssertionError("no two names share a port")


def test_an_approval_whose_folder_vanished_leaves_the_queue(client: Client) -> None:
    approval = builders.approval()
    settings.HIVE_PATHS.agent("alice").rmdir()
    client.get("/")
    approval.refresh_from_db()
    assert (approval.status, approval.note) == ("failed", "agent state dir missing")


def test_kept_state_can_be_revived(client: Client) -> None:
    builders.agent("alice", lifecycle=Agent.Lifecycle.KEPT)
    assert "Kept state" in words(client.get("/").content)
    client.post("/agents/alice/revive/")
    assert Approval.objects.get().kind == "spawn"
