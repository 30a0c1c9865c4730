"""What the hive asks of PostgreSQL that SQLite does by itself or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from agents import actors, naming
from agents.models import Agent, Deployment, Job, JobLine
from approvals import audit, requests
from approvals.models import Approval, ApprovalContent, AuditEvent, Tag
from broker import search, sql
from broker.models import Message
from broker.search import Query
from broker.senders import Sender
from broker.sending import send
from broker.storing import Outgoing, Sent
from broker.transactions import Desk, Part, write
from tests import builders, engines

pytestmark = pytest.mark.django_db(transaction=True)


def test_commits_wait_for_the_disk_whatever_the_servers_default_is() -> None:
    engines.execute(f"ALTER DATABASE {connection.settings_dict['NAME']} SET synchronous_commit = off")
    connection.close()
    assert engines.execute("SHOW synchronous_commit") == [("on",)]
    assert engines.execute("SHOW fsync") == [("on",)]


def test_the_audit_log_cannot_be_emptied() -> None:
    audit.record("tested", actor=actors.SYSTEM)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        engines.execute("TRUNCATE approvals_auditevent")
    assert AuditEvent.objects.count() == 1


def test_text_that_postgresql_cannot_hold_is_stored_as_what_it_can() -> None:
    agent = builders.agent()
    Agent.objects.filter(pk=agent.pk).update(failure="a\0b", status_text="\0")
    agent.refresh_from_db()
    assert (agent.failure, agent.status_text) == ("a\ufffdb", "\ufffd")
    job = Job.objects.create(agent=agent, kind="start", requested_by="x")
    JobLine.objects.bulk_create([JobLine(job=job, text="\0\ud800ä")])
    assert JobLine.objects.get().text == "\ufffd\ufffdä"
    files = {"a\udcff": "x\0y", "plain": None, "nested": ["\0", {"k": 1}]}
    content = ApprovalContent.objects.create(approval=builders.approval(agent), before=files)
    content.refresh_from_db()
    assert content.before == {"a\ufffd": "x\ufffdy", "plain": None, "nested": ["\ufffd", {"k": 1}]}


def test_an_id_that_only_gits_tags_know_is_not_given_again() -> None:
    agent = builders.agent()
    Tag.objects.create(agent=agent, name="deployed/41", commit="c" * 40)
    asked = [requests.apply_commit("alice", "abcdef1", actor=actors.operator("ada")).pk for _ in range(3)]
    assert asked == [42, 43, 44]
    assert Approval.objects.count() == 3


def out(body: str, to: str = "bob", sender: str = "alice") -> Outgoing:
    return Outgoing(Sender.agent(sender), to, body)


def written(*works: Outgoing) -> list[object]:
    return write([Part(work, lambda _result: None) for work in works], Desk(lambda _name: None)).results


def swarm(*names: str) -> None:
    for name in names:
        builders.agent(name)


def test_two_writers_at_once_store_everything_once_and_each_in_its_order() -> None:
    """As two web processes would: batches run into each other, ids never do."""
    swarm("alice", "bob", "carol")
    start = threading.Barrier(4)

    def work(sender: str, to: str) -> list[object]:
        start.wait(60)
        try:
            return [
                result
                for batch in range(10)
                for result in written(*(out(f"{sender} {batch * 5 + number}", to, sender) for number in range(5)))
            ]
        finally:
            connection.close()

    ways = [("alice", "bob"), ("bob", "carol"), ("carol", "bob"), ("alice", "carol")]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, *zip(*ways, strict=True)))
    idents = [result.id for batch in results for result in batch if isinstance(result, Sent)]
    assert len(set(idents)) == len(idents) == Message.objects.count() == 200
    for batch in results:
        mine = [result.id for result in batch if isinstance(result, Sent)]
        assert mine == sorted(mine)


def test_the_writer_knows_when_policy_has_changed_and_only_then() -> None:
    swarm("alice", naming.MANAGER)
    before = sql.agents_version()
    Agent.objects.filter(name="alice").update(connected=True, status_text="busy")
    send(Sender.system(), "alice", "x")
    assert sql.agents_version() == before
    for change in (
        lambda: Deployment.objects.update(options={"allowedRecipients": []}),
        lambda: Agent.objects.filter(name="alice").update(lifecycle="kept"),
        lambda: Agent.objects.filter(name="alice").update(deployment=None),
        lambda: builders.agent("bob"),
    ):
        change()
        now = sql.agents_version()
        assert now != before
        before = now


def test_a_change_of_policy_that_is_committed_late_is_noticed() -> None:
    swarm("alice")
    parameters = connection.get_connection_params()
    with psycopg.connect(**{name: parameters[name] for name in ("dbname", "host", "user")}) as other:
        other.execute("UPDATE agents_agent SET lifecycle = 'kept' WHERE name = 'alice'")
        builders.agent("bob")
        before = sql.agents_version()
        other.commit()
        assert sql.agents_version() != before


def test_search_finds_what_sqlite_finds() -> None:
    swarm("alice", "bob", "carol")
    first = send(Sender.agent("alice"), "bob", "Die Größe von /etc/nixos/flake.lock, bitte").id
    second = send(Sender.agent("bob"), "carol", "flaky test; café 12:30").id

    def ids(text: str, **more: object) -> list[int]:
        return search.ids(Query(search.parse(text), **more))  # type: ignore[arg-type]

    assert ids("flak*") == [second, first]
    assert ids("flake") == [first]
    assert ids('"nixos flake"') == [first]
    assert ids('"flake nixos"') == []
    assert ids("cafe") == [second]
    assert ids("größe FLAKE.lock") == [first]
    assert ids("o'clock' | & ! :*") == []
    assert ids("flak*", party="alice") == [first]
    assert ids("flak*", before=second) == [first]
    search.forget([first])
    Message.objects.filter(pk=first).delete()
    assert ids("flak*") == [second]
