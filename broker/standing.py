"""What the hive knows of an agent's connection, kept on its row for everyone to see. Runs in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from agents import events
from agents.models import Agent, Change
from broker import sql

Fields = dict[str, object]
_REPORTED = {
    "needs_login": "needs_login",
    "model": "active_model",
    "context": "context_tokens",
    "context_limit": "context_limit",
}
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
    fields = {column: report[key] for key, column in _REPORTED.items() if key in report}
    for key in ("problem", "session"):
        if key in report:
            fields[key] = report[key] or ""
    if "limited_until" in report:
        until = report["limited_until"]
        fields["limited_until"] = None if until is None else datetime.fromtimestamp(until, UTC)
    changed = {key: value for key, value in fields.items() if getattr(agent, key) != value}
    if not changed:
        return
    _set(name, **changed)
    if "needs_login" in changed:
        if changed["needs_login"]:
            events.emit(events.Event("needs_login", name, f"{name} needs a login: sign it in on its page."))
        else:
            events.emit(events.Event("logged_in", name, f"{name} is logged in."))


def asked(names: Iterable[str]) -> dict[str, str]:
    """Name → the ping that its harness has yet to answer."""
    open_pings = Agent.objects.filter(name__in=names).exclude(ping_asked=F("ping_answered"))
    return dict(open_pings.values_list("name", "ping_asked"))


def answered(name: str, ident: str) -> None:
    """The harness has answered a ping; an answer to an earlier one says nothing."""
    if Agent.objects.filter(name=name, ping_asked=ident).exists():
        _set(name, ping_answered=ident)


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
    return sql.moment(value) if isinstance(value, datetime) else value
