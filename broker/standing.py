"""What the hive knows of an agent's connection, kept on its row for everyone to see. Runs in a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from agents import events
from agents.models import Agent, Change
from broker import sql

Fields = dict[str, object]
_AGENTS, _FEED = Agent._meta.db_table, Change._meta.db_table


def connected(name: str) -> None:
    _set(name, connected=True, connected_at=timezone.now(), busy_since=None)


def disconnected(name: str) -> None:
    _set(name, connected=False, busy_since=None)


def turn_started() -> Fields:
    """To be shown with `show`."""
    return {"busy_since": timezone.now()}


def turn_ended(*, idle: bool) -> Fields:
    """To be shown with `show`."""
    return {"last_turn_at": timezone.now(), **({"busy_since": None} if idle else {})}


def show(name: str, fields: Fields) -> None:
    _set(name, **fields)


def status_set(name: str, text: str) -> None:
    _set(name, status_text=text, status_set_at=timezone.now())


def reported(name: str, report: Mapping[str, Any]) -> None:
    """Take over what a `report` frame says; a change of the login is an event for manager and operator."""
    agent = Agent.objects.get(name=name)
    fields = {key: report[key] for key in ("needs_login", "paused") if key in report}
    if "model" in report:
        fields["active_model"] = report["model"]
    if "problem" in report:
        fields["problem"] = report["problem"] or ""
    changed = {key: value for key, value in fields.items() if getattr(agent, key) != value}
    if not changed:
        return
    _set(name, **changed)
    if "needs_login" in changed:
        if changed["needs_login"]:
            events.emit(events.Event("needs_login", name, f"{name} needs a login: sign it in on its page."))
        else:
            events.emit(events.Event("logged_in", name, f"{name} is logged in."))


def everyone_disconnected() -> None:
    """The web process starts: nobody is connected to it yet."""
    for agent in Agent.objects.filter(connected=True) | Agent.objects.filter(busy_since__isnull=False):
        _set(agent.name, connected=False, busy_since=None)


def _set(name: str, **fields: object) -> None:
    """In two statements rather than through the ORM: it happens twice in every turn of every agent."""
    columns = ", ".join(f"{field} = %s" for field in fields)
    sql.change(f"UPDATE {_AGENTS} SET {columns} WHERE name = %s", *map(_adapted, fields.values()), name)  # noqa: S608
    sql.change(
        f"INSERT INTO {_FEED} (topic, object_id, at) SELECT 'agents', id, %s FROM {_AGENTS} WHERE name = %s",  # noqa: S608
        _adapted(timezone.now()),
        name,
    )


def _adapted(value: object) -> object:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
