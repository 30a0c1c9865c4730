"""The health gate: a container that was started is well when its harness has connected and answered a ping.

The ping is no turn of the model: a harness that waits for a login, is paused or parked by a rate limit answers too.
The broker passes it on; question and answer stand on the agent's row, so that no process has to know another.
"""

from __future__ import annotations

import secrets
import time
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from agents import feed, interruption
from agents.backend import containers
from agents.jobs import JobFailed, Run
from agents.models import Agent

_POLL = 0.02
_LOG_LINES = 15


def await_health(run: Run, begun: datetime) -> None:
    """Return when the harness that was started at `begun` is well.

    Raises `JobFailed` with the last lines of its log when it is not within `HYPERHIVE_HEALTH_SECONDS`, and
    `Interrupted`.
    """
    deadline = time.monotonic() + settings.HIVE_HEALTH_SECONDS
    name = run.agent.name
    _until(name, Q(connected=True, connected_at__gte=begun), deadline, "did not connect")
    _ask(run.agent)
    _until(name, Q(connected=True, ping_answered=F("ping_asked")), deadline, "did not answer a ping")
    run.log(f"{name} runs, is connected and has answered.")


def _ask(agent: Agent) -> None:
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(ping_asked=secrets.token_hex(8))
        feed.publish("pings", agent.name)


def _until(name: str, well: Q, deadline: float, complaint: str) -> None:
    while not Agent.objects.filter(well, name=name).exists():
        interruption.check()
        if not containers().is_running(name):
            raise JobFailed(_why_it_ended(name))
        if time.monotonic() > deadline:
            raise JobFailed(f"{name} {complaint} within {settings.HIVE_HEALTH_SECONDS} s.\n{_evidence(name)}")
        time.sleep(_POLL)


def _why_it_ended(name: str) -> str:
    status = containers().exit_status(name)
    return f"{name} ended right after its start ({status or 'no exit status'}).\n{_evidence(name)}"


def _evidence(name: str) -> str:
    return "\n".join(["Last lines of its log:", *containers().logs(name, _LOG_LINES)])
