"""Many who decide the same thing at the same moment: threads, and operators in their browsers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from agents import actors, locks
from agents.models import Job
from approvals import audit, decisions, requests
from approvals.models import Approval, AuditEvent
from approvals.requests import RequestRefused
from approvals.transitions import TransitionRefused
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 20


def at_once(*works: Callable[[], str]) -> list[str]:
    """What each returns; they begin together, each with a database connection of its own."""
    start = threading.Barrier(len(works))

    def do(work: Callable[[], str]) -> str:
        start.wait(60)
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(do, works))


def decider(approval: Approval, number: int) -> Callable[[], str]:
    mine = Approval.objects.select_related("agent").get(pk=approval.pk)
    decide = decisions.approve if number % 2 else decisions.deny

    def work() -> str:
        try:
            return decide(mine, actor=actors.operator(f"op{number}")).status
        except TransitionRefused as refusal:
            return str(refusal)

    return work


def browser(approval: Approval, name: str, decision: str) -> Callable[[], str]:
    """A signed-in operator who presses the button."""
    client = Client()
    client.force_login(User.objects.create_superuser(name, password="a long password"))
    headers = {"HX-Request": "true"}

    def work() -> str:
        answer = client.post(f"/approvals/{approval.pk}/decide/", {"decision": decision}, headers=headers)
        return "decided" if answer.status_code < 400 else answer.headers["HX-Trigger"]

    return work


def test_twenty_threads_make_one_decision_one_audit_row_and_one_job() -> None:
    approval = builders.approval()
    outcomes = at_once(*(decider(approval, number) for number in range(THREADS)))
    approval.refresh_from_db()
    assert sorted(outcome for outcome in outcomes if outcome in ("approved", "denied")) == [approval.status]
    assert sum(f"already {approval.status} by {approval.decided_by}" in outcome for outcome in outcomes) == THREADS - 1
    assert AuditEvent.objects.get().actor == f"operator:{approval.decided_by}"
    assert Job.objects.count() == 1
    assert audit.first_broken() is None


def test_two_browsers_make_one_decision_and_the_other_is_told_whose() -> None:
    approval = builders.approval(commit="4" * 40)
    outcomes = at_once(browser(approval, "ada", "approve"), browser(approval, "grace", "deny"))
    approval.refresh_from_db()
    assert outcomes.count("decided") == 1
    (told,) = [outcome for outcome in outcomes if outcome != "decided"]
    assert f"already {approval.status} by {approval.decided_by}" in told
    assert AuditEvent.objects.get().actor == f"operator:{approval.decided_by}"


def test_decisions_about_different_agents_leave_one_chain() -> None:
    approvals = [builders.approval(builders.agent(f"a{number}")) for number in range(THREADS)]
    outcomes = at_once(*(decider(approval, number) for number, approval in enumerate(approvals)))
    assert set(outcomes) == {"approved", "denied"}
    assert AuditEvent.objects.count() == THREADS
    assert audit.first_broken() is None


def test_one_name_is_asked_for_once() -> None:
    def ask() -> str:
        try:
            return requests.spawn("carol", actor=actors.operator("ada")).status
        except RequestRefused as refusal:
            return str(refusal)

    outcomes = at_once(*[ask] * 8)
    assert outcomes.count("pinning") == 1
    assert sum("asked for already" in outcome for outcome in outcomes) == 7
    assert Job.objects.filter(kind="pin").count() == 1


def test_who_holds_an_agent_keeps_others_from_deciding_about_it() -> None:
    """What is read under the lock stays true, which is all that the callers of `hold` rely on."""
    agent = builders.agent()

    def count() -> str:
        with transaction.atomic():
            mine = locks.hold(agent)
            text = mine.status_text
            type(mine).objects.filter(pk=mine.pk).update(status_text=f"{text}x")
        return text

    at_once(*[count] * THREADS)
    agent.refresh_from_db()
    assert agent.status_text == "x" * THREADS
