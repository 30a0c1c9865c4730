"""Scheduled prompts, put together: an approval allows one, the broker sends it, the audit log keeps who changed it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.db import transaction

from agents import actors, jobs, naming
from agents.actors import Actor
from agents.jobs import JobFailed, Kind, Run
from agents.models import Job
from approvals import audit, decisions, requests, transitions
from approvals.models import Approval
from broker import loose_ends, schedules
from broker.loose_ends import LooseEnd, Source
from broker.models import Schedule
from broker.schedules import Plan, ScheduleRefused

Status = Approval.Status


def request(plan: Plan, *, actor: Actor, description: str = "") -> Approval:
    """Ask for a schedule. An agent may ask for itself, the manager for everybody; an operator decides by asking.

    Raises `ScheduleRefused`, `RequestRefused`.
    """
    if actor.kind == "agent" and actor.name != plan.agent and not naming.is_manager(actor.name):
        raise ScheduleRefused(f"{actor.name} may ask for a schedule of its own only, not for {plan.agent!r}")
    schedules.refuse_too_many(plan.agent)
    payload: dict[str, object] = {"prompt": plan.prompt, "every": plan.every, "cron": plan.cron}
    return requests.schedule_prompt(plan.agent, payload, actor=actor, description=description)


def plan_of_approval(approval: Approval) -> Plan | None:
    """What an approval of a schedule allows; None for any other approval."""
    if approval.kind != Approval.Kind.SCHEDULE_PROMPT:
        return None
    given = approval.options
    return Plan(approval.agent.name, given["prompt"], given["every"], given["cron"])


def edit(schedule: Schedule, *, prompt: str, every: int | None, cron: str, actor: Actor) -> Schedule:
    """Change what is sent or when. Raises `ScheduleRefused`."""
    plan = replace(schedules.plan_of(schedule), prompt=prompt, every=every, cron=cron)
    with transaction.atomic():
        changed = schedules.edit(schedule, plan)
        _record("schedule edited", changed, actor, f"{plan.timing}:\n{prompt}")
    return changed


def cancel(schedule: Schedule, *, actor: Actor) -> None:
    """Raises `ScheduleRefused` when it has ended already."""
    with transaction.atomic():
        schedules.cancel(schedule)
        _record("schedule cancelled", schedule, actor)


def fire_now(schedule: Schedule, *, actor: Actor) -> int:
    """Send it once more, now; its next firing stays. The message's id. Raises `ScheduleRefused`, `SendRefused`."""
    with transaction.atomic():
        message = schedules.fire_now(schedule)
        _record("schedule fired", schedule, actor)
    return message


def register() -> None:
    """Tell the job machine how an approved schedule is carried out, and agents' loose ends what they have asked for."""
    jobs.register("schedule", Kind(_carry_out, Job.Lane.REPOSITORY, failed=_failed))
    loose_ends.register("schedule", Source(_of_agent, _cancel_own))
    why_not = "only the operator decides about it"
    loose_ends.register("approval", Source(_waiting_approvals, None, why_not))


def _carry_out(run: Run) -> None:
    approval = Approval.objects.select_related("agent").get(pk=run.job.approval_id or 0)
    plan = plan_of_approval(approval)
    if approval.status != Status.APPROVED or plan is None:
        run.log(f"Approval {approval.pk} is {approval.status}: nothing to do.")
        return
    try:
        with transaction.atomic():
            schedule = schedules.create(plan, approval_id=approval.pk, requested_by=approval.requested_by)
            decisions.tell_requester(transitions.move(approval, Status.DONE, actor=actors.SYSTEM))
    except ScheduleRefused as refusal:
        raise JobFailed(str(refusal)) from refusal
    run.log(f"{plan.agent} is told {plan.timing}, first at {schedule.next_at:%Y-%m-%d %H:%M:%S} UTC.")


def _failed(job: Job, error: str) -> None:
    approval = Approval.objects.select_related("agent").get(pk=job.approval_id or 0)
    if approval.status == Status.APPROVED:
        with transaction.atomic():
            failed = transitions.move(approval, Status.FAILED, actor=actors.SYSTEM, note=error)
            decisions.tell_requester(failed, "operator")


def _of_agent(agent: str) -> Iterable[LooseEnd]:
    for each in schedules.active().filter(agent=agent):
        yield LooseEnd("schedule", each.pk, each.prompt, each.created_at, each.next_at)


def _cancel_own(agent: str, ident: int) -> bool:
    schedule = schedules.active().filter(agent=agent, pk=ident).first()
    if schedule is None:
        return False
    cancel(schedule, actor=actors.agent(agent))
    return True


def _waiting_approvals(agent: str) -> Iterable[LooseEnd]:
    waiting = Approval.objects.filter(requested_by=str(actors.agent(agent))).exclude(status__in=transitions.FINAL)
    for each in waiting.select_related("agent").order_by("pk"):
        text = f"{each.kind} of {each.agent.name} is {each.status}. {each.description}".strip()
        yield LooseEnd("approval", each.pk, text, each.requested_at)


def _record(action: str, schedule: Schedule, actor: Actor, note: str = "") -> None:
    note = f"schedule {schedule.pk}" + (f", {note}" if note else "")
    audit.record(action, actor=actor, agent=schedule.agent, approval_id=schedule.approval_id, note=note)
