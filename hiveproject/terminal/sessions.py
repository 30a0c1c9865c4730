"""Who opened a terminal, when, and for how long: one row and two audit events each."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents import actors, feed
from agents.models import Agent, TerminalSession
from approvals import audit


def opened(name: str, user: str) -> int:
    """Write down that `user` opens a terminal on this agent; the id of the session."""
    with transaction.atomic():
        agent = Agent.objects.get(name=name)
        session = TerminalSession.objects.create(agent=agent, user=user)
        audit.record("terminal_opened", actor=actors.operator(user), agent=name, note=f"terminal {session.pk}")
        feed.publish("terminals", name)
    return session.pk


def closed(session_id: int, why: str, size: int) -> None:
    """Write down how it ended; `size` is that of its recording in bytes."""
    with transaction.atomic():
        session = TerminalSession.objects.select_related("agent").get(pk=session_id)
        session.closed_at, session.ended, session.size = timezone.now(), why, size
        session.save(update_fields=["closed_at", "ended", "size"])
        name = session.agent.name
        audit.record("terminal_closed", actor=actors.operator(session.user), agent=name, note=f"terminal {session_id}")
        feed.publish("terminals", name)


def file(name: str, session_id: int) -> Path:
    """Where the recording of a session lies."""
    return settings.HIVE_PATHS.recordings(name) / f"terminal-{int(session_id)}.cast"


def close_forgotten() -> None:
    """A web process that starts has no terminals: what was open when the one before it ended is over."""
    for session in TerminalSession.objects.filter(closed_at=None).select_related("agent"):
        path = file(session.agent.name, session.pk)
        closed(session.pk, "The web process ended.", path.stat().st_size if path.exists() else 0)
