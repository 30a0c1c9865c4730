from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents import actors
from agents.models import Agent, Job
from approvals import audit, rules
from approvals.models import AutoRule, Tag
from broker.sending import Sender, send
from hiveproject import overview
from hiveproject.models import ReachTarget
from hiveproject.reach import edges
from tests import builders

pytestmark = pytest.mark.django_db
PAGES = [
    "/",
    "/approvals/",
    "/jobs/",
    "/agents/a0/",
    "/audit/",
    "/admin/approvals/approval/",
    "/admin/approvals/auditevent/",
    "/admin/approvals/autorule/",
    "/admin/hiveproject/reachtarget/",
    "/admin/hiveproject/notice/",
    "/admin/agents/agent/",
    "/admin/agents/job/",
]


def grow(start: int, count: int) -> None:
    for number in range(start, start + count):
        agent = builders.agent(f"a{number}", running=True, problem="x", failed=bool(number % 2))
        for status in ("pending", "deployed", "failed"):
            builders.approval(agent, status=status, decided_by="ada")
        Job.objects.create(agent=agent, kind="start", status="failed", requested_by="operator:ada")
        send(Sender.agent(agent), "operator", "hello")
        audit.record("tested", actor=actors.operator("ada"), agent=agent.name, approval_id=number + 1)
        rules.save(AutoRule(name=f"rule {number}", packages="jq", agent=agent), actor=actors.operator("ada"))
        edges.test(ReachTarget.objects.create(name=f"target {number}", kind="json", url="http://127.0.0.1:1/"))
    first = Agent.objects.get(name="a0")
    for number in range(start, start + count):
        Tag.objects.create(agent=first, name=f"deployed/{number}", commit=builders.COMMIT)
        send(Sender.operator("ada"), "*", "all of you")


def queries(call: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        call()
    return len(captured)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_as_often_for_many_as_for_few(client: Client, page: str) -> None:
    grow(0, 2)
    client.get(page)
    few = queries(lambda: client.get(page))
    grow(2, 8)
    assert queries(lambda: client.get(page)) == few


def test_the_overview_asks_as_often_for_many_as_for_few(client: Client) -> None:
    grow(0, 2)
    few = queries(overview.rows), queries(overview.attention)
    grow(2, 8)
    assert (queries(overview.rows), queries(overview.attention)) == few


@pytest.mark.parametrize(("page", "most"), [("/", 18), ("/?panels=agents", 6), ("/?panels=flow", 7)])
def test_a_page_asks_little(client: Client, page: str, most: int) -> None:
    grow(0, 3)
    assert queries(lambda: client.get(page, headers={"HX-Request": "true"})) <= most
