"""The operator's orders to a harness: interrupt, compact, new session, model, pause, resume, ping.

Any process may give one: the row is the order, the change feed brings it to the web process that holds the agent's
connection, and what came of it is written on the row. An order is done once; one that nobody could take in time
expires. Agents have no way to give orders: no tool and no frame leads here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents import commits, feed
from agents.actors import Actor
from agents.models import Agent
from broker.models import Order
from broker.refusals import Refused
from broker.schemas import FieldRefused, Schema, check

TOPIC = "orders"
"""Of the change feed; the object is the agent's name."""
_LOOK_SECONDS = 1.0
_CODE = {"type": "string", "minLength": 4, "maxLength": 1000}
_MODEL = {"type": "string", "maxLength": 200, "nullable": True, "default": None}


@dataclass(frozen=True)
class Verb:
    """`seconds`: how long it may wait for the harness. `standing`: it holds for an agent that is not connected too."""

    seconds: int
    schema: Schema
    standing: bool = False


VERBS: Mapping[str, Verb] = {
    "ping": Verb(30, {}),
    "interrupt": Verb(30, {}),
    "compact": Verb(3600, {}),
    "new_session": Verb(3600, {}),
    "set_model": Verb(3600, {"properties": {"model": _MODEL}}, standing=True),
    "pause": Verb(3600, {}, standing=True),
    "resume": Verb(3600, {}, standing=True),
    "login_start": Verb(90, {}),
    "login_code": Verb(120, {"required": ["code"], "properties": {"code": _CODE}}),
    "login_status": Verb(60, {}),
    "login_cancel": Verb(30, {}),
}
_FORGOTTEN = ("login_code",)
"""What these carry is not kept once they are over."""


class OrderRefused(Refused):
    """The order was not given; the text says why."""


@dataclass(frozen=True)
class Answer:
    """What came of an order: `ok` when it is done. `state` is one of `Order.State`; `text` is for the operator."""

    ok: bool
    state: str
    text: str


def send(agent: Agent | str, verb: str, *, actor: Actor, wait: float = 10.0, **args: Any) -> Answer:
    """Give an order and wait up to `wait` seconds for what comes of it. Raises `OrderRefused`."""
    return await_answer(give(agent, verb, actor=actor, **args), wait)


def give(agent: Agent | str, verb: str, *, actor: Actor, **args: Any) -> Order:
    """Give an order; what holds beyond a connection (pause, resume, model) holds at once. Raises `OrderRefused`."""
    rule, checked = _checked(verb, args)
    with transaction.atomic():
        row = Agent.objects.live().filter(name=str(agent)).first()
        if row is None:
            raise OrderRefused(f"there is no agent {str(agent)[:60]!r} with a container")
        if not row.connected and not rule.standing:
            raise OrderRefused(f"{row.name} is not connected; start it, or wait until it is")
        _hold(row, verb, checked)
        expires = timezone.now() + timedelta(seconds=rule.seconds)
        by = str(actor)[:160]
        order = Order.objects.create(agent=row, verb=verb, args=checked, requested_by=by, expires_at=expires)
        if not row.connected:
            _finish(order, Order.State.DONE, f"{row.name} is not connected; this holds from its next start")
        feed.publish(TOPIC, row.name)
    return order


def await_answer(order: Order, seconds: float) -> Answer:
    """The answer, or how the order stands after so many seconds."""
    deadline = time.monotonic() + seconds
    news = commits.watch()
    try:
        while True:
            order.refresh_from_db()
            _expire([order])
            if order.is_over or time.monotonic() >= deadline:
                return _answer(order)
            look_again = min(deadline, time.monotonic() + _LOOK_SECONDS)
            while (left := look_again - time.monotonic()) > 0 and not news.changed():
                news.wait(left)
    finally:
        news.close()


def lease(agent: int, session: str) -> list[Order]:
    """Open orders that this connection has not got yet, oldest first, as sent by it. Runs in a transaction."""
    waiting = list(Order.objects.filter(agent_id=agent, state__in=Order.OPEN).exclude(session=session).order_by("id"))
    _expire(waiting)
    taken = [order for order in waiting if not order.is_over]
    Order.objects.filter(pk__in=[order.pk for order in taken]).update(state=Order.State.SENT, session=session)
    return taken


def answered(agent: int, session: str, order: int, *, ok: bool, text: str) -> None:
    """The harness says what came of an order that this connection brought it. Runs in a transaction."""
    found = Order.objects.filter(pk=order, agent_id=agent, session=session, state=Order.State.SENT).first()
    if found is None:
        raise OrderRefused(f"no order {order} waits for an answer on this connection")
    _finish(found, Order.State.DONE if ok else Order.State.FAILED, text.replace("\0", ""))
    if found.verb == "set_model" and not ok:
        Agent.objects.filter(pk=agent).update(chosen_model=found.args.get("before", ""))
    feed.publish(TOPIC, found.agent.name)


def _checked(verb: str, args: Mapping[str, Any]) -> tuple[Verb, dict[str, Any]]:
    rule = VERBS.get(verb)
    if rule is None:
        raise OrderRefused(f"there is no order {verb[:60]!r}; there are: {', '.join(VERBS)}")
    try:
        return rule, check(rule.schema, args, closed=True)
    except FieldRefused as refusal:
        raise OrderRefused(f"{verb}: {refusal}") from refusal


def _hold(agent: Agent, verb: str, args: dict[str, Any]) -> None:
    if verb in ("pause", "resume"):
        agent.paused = verb == "pause"
    elif verb == "set_model":
        args["before"] = agent.chosen_model
        agent.chosen_model = args["model"] or ""
    else:
        return
    agent.save(update_fields=["paused", "chosen_model"])
    feed.publish("agents", agent.pk)


def _expire(orders: list[Order]) -> None:
    for order in orders:
        if not order.is_over and order.expires_at < timezone.now():
            _finish(order, Order.State.EXPIRED, "nobody did it in time: the agent is not connected, or does not answer")


def _finish(order: Order, state: Order.State, text: str) -> None:
    """Once: a second answer changes nothing."""
    now = timezone.now()
    kept = {} if order.verb in _FORGOTTEN else order.args
    Order.objects.filter(pk=order.pk, state__in=Order.OPEN).update(
        state=state, text=text[:2000], finished_at=now, args=kept
    )
    order.refresh_from_db()


def _answer(order: Order) -> Answer:
    if order.is_over:
        return Answer(order.state == Order.State.DONE, order.state, order.text)
    waits = "waits for the harness" if order.state == Order.State.QUEUED else "was given to the harness"
    return Answer(False, order.state, f"{order.verb} {waits}; it is done as soon as no turn is in the way")
