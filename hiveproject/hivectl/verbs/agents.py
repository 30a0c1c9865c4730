"""Verbs about agents and their containers."""

from __future__ import annotations

import argparse

from agents import actors, lifecycle, naming
from agents.backend import containers
from agents.models import Agent, Job
from hiveproject import overview
from hiveproject.account import USERNAME
from hiveproject.hivectl import waiting
from hiveproject.hivectl.answers import DONE, FAILED, Answer, readable, table
from hiveproject.overview import Standing

OPERATOR = actors.operator(USERNAME)
_VERBS = {
    "start": lifecycle.start,
    "stop": lifecycle.stop,
    "restart": lifecycle.restart,
    "rebuild": lifecycle.rebuild,
}


class NotThere(Exception):
    """There is no such agent or approval."""


def existing(name: str) -> Agent:
    """The agent of that name, `manager` included. Raises `NameRefused`, `NotThere`."""
    checked = naming.agent_name(naming.resolve_alias(name))
    agent = Agent.objects.filter(name=checked).exclude(lifecycle=Agent.Lifecycle.GONE).first()
    if agent is None:
        raise NotThere(f"there is no agent {name!r}")
    return agent


def list_agents(_: argparse.Namespace) -> Answer:
    head = ("NAME", "STATE", "DRIVER", "DEPLOYED", "INBOX", "STATUS")
    shown = [_shown(standing) for standing in overview.standings(Agent.objects.live())]
    text = table(head, shown, "No agents yet. 'hivectl spawn NAME' asks for one.")
    return Answer(overview.rows(), text)


def status(options: argparse.Namespace) -> Answer:
    agent = existing(options.name)
    (standing,) = overview.standings(Agent.objects.filter(pk=agent.pk))
    row = {
        **overview.row(standing),
        "state": standing.word,
        "wanted": agent.wanted,
        "connected": agent.connected,
        "problem": agent.problem or agent.failure,
    }
    width = max(map(len, row))
    shown = [f"{key.replace('_', ' '):<{width}}  {_worded(value)}" for key, value in row.items()]
    return Answer(row, "\n".join(shown))


def act(options: argparse.Namespace) -> Answer:
    """start, stop, restart, rebuild"""
    return answer_for(_VERBS[options.verb](existing(options.name), actor=OPERATOR), options)


def destroy(options: argparse.Namespace) -> Answer:
    return answer_for(lifecycle.destroy(existing(options.name), actor=OPERATOR, purge=options.purge), options)


def logs(options: argparse.Namespace) -> Answer:
    lines = containers().logs(existing(options.name).name, options.lines)
    return Answer(lines, readable("\n".join(lines)))


def answer_for(job: Job, options: argparse.Namespace) -> Answer:
    """The job's row; after waiting, how it ended."""
    show = not options.json
    waiting.warn_without_worker(show=show)
    if options.wait:
        job = waiting.for_job(job, show=show)
    row = {"job": job.pk, "kind": job.kind, "agent": job.agent.name, "status": job.status, "error": job.error}
    if job.is_over and job.status != Job.Status.DONE:
        return Answer(row, code=FAILED, complaint=f"job {job.pk} {job.status}: {_reason(job.error)}")
    text = (
        f"{job.kind} of {job.agent.name} is done." if options.wait else f"{job.kind} of {job.agent.name}: job {job.pk}"
    )
    return Answer(row, text, DONE)


def _reason(error: str) -> str:
    return readable(error.splitlines()[0]) if error else "no reason was given"


def _shown(standing: Standing) -> tuple[object, ...]:
    agent = standing.agent
    deployed = agent.deployment.tag if agent.deployment else ""
    driver = standing.options.get("driver", "")
    return agent.name, standing.word, driver, deployed, standing.inbox_depth, agent.status_text


def _worded(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "") else readable(str(value))
