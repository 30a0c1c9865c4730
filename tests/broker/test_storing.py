"""Group commit, policy and keys on the database itself."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError

from agents import naming
from agents.models import Agent, Change, Deployment
from broker.inbox import depths, read_by_operator
from broker.models import Delivery, Message
from broker.refusals import Refused, SendRefused
from broker.sending import Sender, send
from broker.storing import MAX_BODY, Outgoing, Sent
from broker.transactions import Desk, Part, Written, write
from broker.writer import Writer
from tests import engines

pytestmark = pytest.mark.django_db


def an_agent(name: str, lifecycle: str = "live", allowed: list[str] | None = None, deployed: bool = True) -> Agent:
    agent = Agent.objects.create(name=name, lifecycle=lifecycle)
    if deployed:
        options = {"allowedRecipients": allowed}
        agent.deployment = Deployment.objects.create(agent=agent, approval_id=1, commit="c", tree="t", options=options)
        agent.save()
    return agent


@pytest.fixture(autouse=True)
def swarm() -> None:
    for name in (naming.MANAGER, "alice", "bob"):
        an_agent(name)


def written(*works: Any) -> list[Any]:
    parts = [Part(work, lambda _result: None) for work in works]
    return write(parts, Desk(lambda _name: None)).results


def out(body: str = "x", to: str = "bob", sender: str = "alice", **more: Any) -> Outgoing:
    return Outgoing(Sender.agent(sender), to, body, **more)


def test_a_batch_gets_its_ids_from_the_database_in_order() -> None:
    before = send(Sender.system(), "bob", "before")
    results = written(out("1"), out("2"), out("3", to="*"))
    assert [result.id for result in results] == [before.id + 1, before.id + 2, before.id + 3]
    assert results[2].to == ("bob", naming.MANAGER)
    assert list(Message.objects.order_by("id").values_list("body", flat=True)) == ["before", "1", "2", "3"]
    assert send(Sender.system(), "bob", "after").id == before.id + 4


def test_a_deleted_messages_id_is_never_given_again() -> None:
    first = send(Sender.system(), "bob", "x")
    Message.objects.all().delete()
    assert send(Sender.system(), "bob", "y").id == first.id + 1


def test_one_bad_row_fails_alone() -> None:
    engines.refuse_poison()
    ran: list[str] = []
    good, bad, work, other = written(out("good"), out("poison"), lambda: ran.append("work"), out("other"))
    assert isinstance(bad, DatabaseError)
    assert (isinstance(good, Sent), isinstance(other, Sent), work) == (True, True, None)
    assert sorted(Message.objects.values_list("body", flat=True)) == ["good", "other"]
    assert Delivery.objects.count() == 2


def test_work_that_fails_takes_nothing_along() -> None:
    def refuse() -> None:
        Agent.objects.filter(name="bob").update(status_text="half done")
        raise Refused("no")

    def break_down() -> None:
        raise ZeroDivisionError

    results = written(out("a"), refuse, break_down, partial(str, 5))
    assert [type(result) for result in results] == [Sent, Refused, ZeroDivisionError, str]
    assert Agent.objects.get(name="bob").status_text == ""
    assert Message.objects.count() == 1


def test_a_refused_message_is_a_result_like_any_other() -> None:
    results = written(out("a", to="ghost"), out("b"))
    assert isinstance(results[0], SendRefused)
    assert isinstance(results[1], Sent)


def test_every_send_is_in_the_feed() -> None:
    Change.objects.all().delete()
    sent = send(Sender.agent("alice"), "*", "x")
    rows = list(Change.objects.order_by("id").values_list("topic", "object_id"))
    assert rows == [("messages", str(sent.id)), ("deliveries", "bob"), ("deliveries", naming.MANAGER)]


def test_a_key_counts_per_sender_and_within_a_batch() -> None:
    bobs = out("1", sender="bob", idempotency_key="k", to="alice")
    first, again, others = written(out("1", idempotency_key="k"), out("1", idempotency_key="k"), bobs)
    assert (again.id, again.to, again.repeated) == (first.id, ("bob",), True)
    assert others.id != first.id
    assert written(out("1", idempotency_key="k"))[0].id == first.id
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [("", "empty"), ("a\0", "NUL"), ("\ud800", "surrogate"), ("ä" * (MAX_BODY // 2 + 1), "at most 262144")],
)
def test_a_body_that_cannot_be_stored(body: str, says: str) -> None:
    with pytest.raises(SendRefused, match=says):
        out(body)


@pytest.mark.parametrize(
    ("lifecycle", "says"),
    [("kept", "no container"), ("draft", "no container"), ("requested", "no container"), ("gone", "there is no agent")],
)
def test_only_agents_with_a_container_can_be_written_to(lifecycle: str, says: str) -> None:
    an_agent("other", lifecycle)
    with pytest.raises(SendRefused, match=says):
        send(Sender.operator("ann"), "other", "x")
    assert Message.objects.count() == 0


def test_an_unknown_name_lists_some_that_are_known() -> None:
    with pytest.raises(SendRefused, match="there are: alice, bob, hm1nd; or 'operator', 'manager', '\\*'"):
        send(Sender.agent("alice"), "bib", "x")


def test_manager_is_an_alias_and_operator_a_recipient() -> None:
    assert send(Sender.agent("alice"), "manager", "x").to == (naming.MANAGER,)
    assert send(Sender.agent("alice"), "operator", "x").to == ("operator",)


@pytest.mark.parametrize(
    ("allowed", "to", "goes"),
    [
        (None, "bob", True),
        ([], "bob", False),
        ([], "operator", False),
        (["bob"], "bob", True),
        (["bob"], "manager", False),
        (["manager"], "hm1nd", True),
        (["hm1nd"], "manager", True),
        (["operator"], "operator", True),
    ],
)
def test_the_deployed_configuration_says_whom_an_agent_may_write_to(
    allowed: list[str] | None, to: str, goes: bool
) -> None:
    an_agent("eve", allowed=allowed)
    (result,) = written(out("x", to=to, sender="eve"))
    assert isinstance(result, Sent) == goes
    if not goes:
        assert "hyperhive.allowedRecipients" in str(result)
        assert (", ".join(allowed or []) or "nobody").replace("manager", "hm1nd") in str(result)


def test_the_manager_may_always_write() -> None:
    Deployment.objects.filter(agent__name=naming.MANAGER).update(options={"allowedRecipients": []})
    assert send(Sender.agent(naming.MANAGER), "bob", "x").to == ("bob",)


def test_the_star_leaves_out_whom_the_policy_forbids() -> None:
    an_agent("eve", allowed=["bob"])
    assert written(out("x", to="*", sender="eve"))[0].refused == ("alice", naming.MANAGER)
    Deployment.objects.filter(agent__name="eve").update(options={"allowedRecipients": []})
    assert isinstance(written(out("x", to="*", sender="eve"))[0], SendRefused)


def test_an_agent_that_is_not_deployed_cannot_send() -> None:
    an_agent("new", lifecycle="requested", deployed=False)
    with pytest.raises(SendRefused, match="not deployed"):
        send(Sender.agent("new"), "bob", "x")


def test_depths_count_what_is_not_acknowledged() -> None:
    for to in ("bob", "bob", "operator"):
        send(Sender.agent("alice"), to, "x")
    Delivery.objects.filter(pk=Delivery.objects.earliest("id").pk).update(state=Delivery.State.DELIVERED)
    assert depths() == {"bob": 2, "operator": 1}
    assert read_by_operator(Message.objects.latest("id").pk) == 1
    assert depths() == {"bob": 2}


def test_the_queue_is_read_through_its_partial_index() -> None:
    plan = engines.plan(
        "SELECT id FROM broker_delivery WHERE recipient = 'bob' AND state = 'queued'"
        " AND (expires_at IS NULL OR expires_at > '2020-01-01') ORDER BY urgent DESC, id"
    )
    assert "delivery_waiting" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


class Recorder:
    """A writer on the test's own loop; `batches` are the sizes of its transactions."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.batches: list[int] = []
        self.writer = Writer(loop, lambda _name: None, self._tell)

    def _tell(self, batch: Any, done: Written) -> None:
        self.batches.append(len(batch))
        for part, result in zip(batch, done.results, strict=True):
            part.done(result)

    def do(self, work: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.writer.submit(Part(work, future.set_result))
        return future


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer's thread has a connection of its own: keep it off the test's transaction."""
    monkeypatch.setattr("broker.writer.write", _plain_write)
    monkeypatch.setattr("broker.writer.sql.choose_durability", lambda _level: None)


def _plain_write(batch: Any, _desk: Any) -> Written:
    return Written([part.work() for part in batch], [], frozenset())


@pytest.mark.usefixtures("no_database")
async def test_what_arrives_while_it_writes_goes_into_the_next_transaction_together() -> None:
    recorder = Recorder(asyncio.get_running_loop())
    recorder.writer.start()
    writing, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        writing.set()
        go_on.wait(10)

    first = recorder.do(slow)
    await asyncio.to_thread(writing.wait, 10)
    others = [recorder.do(partial(int, number)) for number in range(50)]
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.gather(first, *others) == [None, *range(50)]
    assert recorder.batches == [1, 50]
    await recorder.writer.stop(5)
