"""Scheduled prompts: asked for, approved, fired once each time, also after a downtime, changed and ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from agents import actors, jobs, naming
from agents.models import Agent, Job
from approvals import decisions
from approvals.models import Approval, AuditEvent
from approvals.requests import RequestRefused
from broker import departures, loose_ends
from broker import schedules as broker_schedules
from broker.models import Message, Schedule
from broker.schedules import Plan, ScheduleRefused
from hiveproject import schedules
from tests import builders
from tests.dashboard.conftest import ada, client, guest

__all__ = ["ada", "client", "guest"]
pytestmark = pytest.mark.django_db
ADA, ALICE, MANAGER = actors.operator("ada"), actors.agent("alice"), actors.agent(naming.MANAGER)
PLAN = Plan("alice", "Look at the mail.", every=3600)
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def swarm() -> None:
    for name in (naming.MANAGER, "alice", "bob"):
        builders.agent(name)


def work() -> None:
    """What the worker does with the jobs that wait."""
    for job in Job.objects.filter(status=Job.Status.QUEUED).order_by("pk"):
        jobs.run(job.pk)


def begun(plan: Plan = PLAN) -> Schedule:
    schedules.request(plan, actor=ADA)
    work()
    return Schedule.objects.latest("pk")


def told(name: str = "alice") -> list[Message]:
    return list(Message.objects.filter(deliveries__recipient=name, kind="scheduled_prompt").order_by("pk"))


class TestAsking:
    def test_it_begins_when_the_operator_has_approved(self) -> None:
        approval = schedules.request(PLAN, actor=ALICE, description="to keep up")
        assert (approval.kind, approval.status) == ("schedule_prompt", "pending")
        work()
        assert not Schedule.objects.exists()
        decisions.approve(approval, actor=ADA)
        work()
        approval.refresh_from_db()
        schedule = Schedule.objects.get()
        assert (approval.status, schedule.approval_id, schedule.requested_by) == ("done", approval.pk, "agent:alice")
        assert (schedule.agent, schedule.prompt, schedule.every) == ("alice", "Look at the mail.", 3600)
        assert Message.objects.get(kind="approval_resolved").to == "alice"
        moves = list(AuditEvent.objects.filter(approval_id=approval.pk).order_by("pk").values_list("action", flat=True))
        assert moves == ["schedule_prompt requested", "approval approved", "approval done"]

    def test_a_denied_one_never_begins(self) -> None:
        approval = schedules.request(PLAN, actor=ALICE)
        decisions.deny(approval, actor=ADA, note="no")
        work()
        assert not Schedule.objects.exists()
        assert not Job.objects.exists(), "there is nothing to unpin"

    def test_what_the_operator_asks_for_is_decided(self) -> None:
        approval = schedules.request(PLAN, actor=ADA)
        assert (approval.status, approval.decided_by) == ("approved", "ada")
        work()
        assert Schedule.objects.count() == 1

    def test_a_job_driven_again_begins_no_second_one(self) -> None:
        begun()
        job = Job.objects.get(kind="schedule")
        Approval.objects.update(status="approved")
        Job.objects.filter(pk=job.pk).update(status="queued")
        work()
        assert Schedule.objects.count() == 1
        assert Approval.objects.get().status == "done"

    def test_an_agent_asks_for_itself_the_manager_for_all(self) -> None:
        with pytest.raises(ScheduleRefused, match="of its own only"):
            schedules.request(Plan("bob", "x", every=60), actor=ALICE)
        assert schedules.request(Plan("bob", "x", every=60), actor=MANAGER).status == "pending"

    def test_no_agent_floods_the_operator(self) -> None:
        for _ in range(5):
            schedules.request(PLAN, actor=ALICE)
        with pytest.raises(RequestRefused, match="wait for a decision"):
            schedules.request(PLAN, actor=ALICE)

    def test_an_agent_has_so_many_and_no_more(self) -> None:
        schedule = begun()
        rows = [
            Schedule(agent="alice", prompt="x", every=60, approval_id=900 + n, next_at=schedule.next_at)
            for n in range(19)
        ]
        Schedule.objects.bulk_create(rows)
        with pytest.raises(ScheduleRefused, match="20 schedules"):
            schedules.request(PLAN, actor=ADA)

    def test_one_that_became_too_many_after_it_was_asked_for_fails(self) -> None:
        approval = schedules.request(PLAN, actor=ALICE)
        rows = [
            Schedule(agent="alice", prompt="x", every=60, approval_id=900 + n, next_at=timezone.now())
            for n in range(20)
        ]
        Schedule.objects.bulk_create(rows)
        decisions.approve(approval, actor=ADA)
        work()
        approval.refresh_from_db()
        assert (approval.status, "20 schedules" in approval.note) == ("failed", True)

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({}, "either"),
            ({"every": 60, "cron": "* * * * *"}, "either"),
            ({"every": 59}, "60 to"),
            ({"every": 366 * 24 * 3600 + 1}, "60 to"),
            ({"cron": "every day"}, "five fields"),
            ({"cron": "99 * * * *"}, "makes no sense"),
            ({"cron": "0 0 31 2 *"}, "makes no sense"),
            ({"cron": "* * * * * *"}, "five fields"),
            ({"cron": "x" * 101}, "five fields"),
            ({"every": 60, "prompt": " "}, "empty"),
            ({"every": 60, "prompt": "a\0b"}, "NUL"),
            ({"every": 60, "prompt": "x" * 20_001}, "20000"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, given: dict[str, object], says: str) -> None:
        with pytest.raises(ScheduleRefused, match=says):
            Plan("alice", **{"prompt": "x", **given})  # type: ignore[arg-type]


class TestFiring:
    def test_each_time_once_with_the_systems_label(self) -> None:
        schedule = begun()
        assert broker_schedules.fire_due(timezone.now()) == 0
        at = schedule.next_at
        assert broker_schedules.next_due() == at
        assert broker_schedules.fire_due(at) == 1
        assert broker_schedules.fire_due(at) == 0
        (message,) = told()
        assert (message.body, message.provenance, message.sender) == ("Look at the mail.", "system", "system")
        schedule.refresh_from_db()
        assert (schedule.next_at, schedule.last_at, schedule.fired) == (at + timedelta(hours=1), at, 1)

    def test_after_a_downtime_exactly_one_catches_up(self) -> None:
        schedule = begun(Plan("alice", "x", cron="*/5 * * * *"))
        late = schedule.next_at + timedelta(days=3, minutes=2)
        assert broker_schedules.fire_due(late) == 1
        assert broker_schedules.fire_due(late) == 0
        assert len(told()) == 1
        schedule.refresh_from_db()
        assert late < schedule.next_at <= late + timedelta(minutes=5)

    def test_two_timers_fire_it_once(self) -> None:
        stale = begun()
        at = stale.next_at
        broker_schedules._fire(Schedule.objects.get(), at)
        broker_schedules._fire(stale, at)
        assert len(told()) == 1

    def test_a_cron_line_is_read_in_utc(self) -> None:
        monday = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
        assert Plan("alice", "x", cron="0 9 * * 1-5").after(monday) == datetime(2026, 11, 24, 9, tzinfo=UTC)

    def test_it_waits_while_the_agent_has_no_container(self) -> None:
        schedule = begun()
        Agent.objects.filter(name="alice").update(lifecycle="kept")
        late = schedule.next_at + timedelta(days=1)
        assert broker_schedules.next_due() is None
        assert broker_schedules.fire_due(late) == 0
        Agent.objects.filter(name="alice").update(lifecycle="live")
        assert broker_schedules.fire_due(late) == 1

    def test_it_ends_with_everything_of_its_agent(self) -> None:
        begun()
        departures.agent_gone("alice")
        assert not broker_schedules.active().exists()


class TestChanging:
    def test_the_operator_changes_fires_and_ends_it_and_the_log_keeps_who(self) -> None:
        schedule = begun()
        changed = schedules.edit(schedule, prompt="Other words", every=None, cron="0 0 * * *", actor=ADA)
        assert (changed.prompt, changed.every, changed.cron) == ("Other words", None, "0 0 * * *")
        assert (changed.next_at.hour, changed.next_at.minute) == (0, 0)
        schedules.fire_now(changed, actor=ADA)
        assert [message.body for message in told()] == ["Other words"]
        schedules.cancel(changed, actor=ADA)
        assert broker_schedules.fire_due(changed.next_at) == 0
        actions = set(AuditEvent.objects.filter(actor="operator:ada").values_list("action", flat=True))
        assert {"schedule edited", "schedule fired", "schedule cancelled"} <= actions

    def test_what_has_ended_cannot_be_changed(self) -> None:
        schedule = begun()
        schedules.cancel(schedule, actor=ADA)
        for change in (
            lambda: schedules.cancel(schedule, actor=ADA),
            lambda: schedules.fire_now(schedule, actor=ADA),
            lambda: schedules.edit(schedule, prompt="x", every=60, cron="", actor=ADA),
        ):
            with pytest.raises(ScheduleRefused, match="ended already"):
                change()
        assert not told()

    def test_an_agent_sees_and_ends_its_own_only(self) -> None:
        schedule = begun()
        waiting = schedules.request(PLAN, actor=ALICE)
        assert {(end.kind, end.id) for end in loose_ends.of("alice")} == {
            ("schedule", schedule.pk),
            ("approval", waiting.pk),
        }
        assert loose_ends.of("bob") == []
        with pytest.raises(Exception, match="no open schedule"):
            loose_ends.cancel("bob", "schedule", schedule.pk)
        with pytest.raises(Exception, match="only the operator decides"):
            loose_ends.cancel("alice", "approval", waiting.pk)
        loose_ends.cancel("alice", "schedule", schedule.pk)
        assert not broker_schedules.active().exists()
        assert AuditEvent.objects.filter(action="schedule cancelled", actor="agent:alice").exists()


class TestPages:
    def test_the_approval_shows_what_would_be_told_and_when(self, client: Client) -> None:
        approval = schedules.request(Plan("alice", "Do <b>it</b>", cron="0 9 * * *"), actor=ALICE)
        page = client.get(f"/approvals/{approval.pk}/").content.decode()
        assert "Do &lt;b&gt;it&lt;/b&gt;" in page
        assert "0 9 * * *" in page
        assert client.post(f"/approvals/{approval.pk}/decide/", {"decision": "approve"}).status_code == 302
        work()
        assert "Do &lt;b&gt;it&lt;/b&gt;" in client.get("/").content.decode()

    def test_a_person_begins_changes_fires_and_ends_one(self, client: Client) -> None:
        client.post("/schedules/add/", {"agent": "alice", "prompt": "Hello", "every": "60"})
        work()
        schedule = Schedule.objects.get()
        client.post(f"/schedules/{schedule.pk}/edit/", {"prompt": "Bye", "cron": "0 9 * * *"})
        client.post(f"/schedules/{schedule.pk}/fire/")
        schedule.refresh_from_db()
        assert (schedule.prompt, schedule.every, schedule.cron, len(told())) == ("Bye", None, "0 9 * * *", 1)
        assert "Bye" in client.get("/schedules/").content.decode()
        client.post(f"/schedules/{schedule.pk}/cancel/")
        schedule.refresh_from_db()
        assert schedule.state == "cancelled"
        assert client.post(f"/schedules/{schedule.pk}/fire/", headers=HTMX).status_code == 409

    @pytest.mark.parametrize(
        "given",
        [
            {"agent": "alice", "prompt": "x"},
            {"agent": "alice", "prompt": "", "every": "60"},
            {"agent": "alice", "prompt": "x", "every": "5"},
            {"agent": "alice", "prompt": "x", "every": "soon"},
            {"agent": "nobody", "prompt": "x", "every": "60"},
            {"agent": "../etc", "prompt": "x", "every": "60"},
        ],
    )
    def test_what_makes_no_sense_is_refused(self, client: Client, given: dict[str, str]) -> None:
        assert client.post("/schedules/add/", given, headers=HTMX).status_code == 409
        assert not Approval.objects.exists()

    def test_who_may_only_look_changes_nothing(self, guest: Client) -> None:
        schedule = begun()
        assert "Look at the mail." in guest.get("/schedules/").content.decode()
        for path in ("add", f"{schedule.pk}/edit", f"{schedule.pk}/fire", f"{schedule.pk}/cancel"):
            assert guest.post(f"/schedules/{path}/", {"agent": "alice", "prompt": "x"}).status_code == 403
