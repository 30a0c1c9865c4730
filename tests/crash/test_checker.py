"""The checker finds what it is there for: each planted fault, and nothing in what is well."""

from __future__ import annotations

from tests.crash.checker import check, missing
from tests.crash.log import Log


def conversation() -> tuple[Log, Log]:
    """alice says 0, 1, 2 to bob (ids 10, 11, 12); 1 comes twice, since a connection broke before its turn ended."""
    alice, bob = Log("alice"), Log("bob")
    for number in range(3):
        alice.add("send", "bob", number)
        alice.add("stored", "bob", number, 10 + number)
    bob.add("got", "alice", 0, 10)
    bob.add("got", "alice", 1, 11)
    bob.add("acknowledged", "alice", 0, 10)
    bob.add("got", "alice", 1, 11, redelivered=True)
    bob.add("acknowledged", "alice", 1, 11)
    bob.add("got", "alice", 2, 12)
    return alice, bob


def the_breach(*logs: Log) -> str:
    (breach,) = check(logs)
    return breach


def test_a_whole_conversation_has_no_breach() -> None:
    assert check(conversation()) == []


def test_a_send_that_was_never_acknowledged_need_not_arrive_but_may() -> None:
    alice, bob = conversation()
    alice.add("send", "bob", 3)
    assert check((alice, bob)) == []
    bob.add("got", "alice", 3, 13)
    assert check((alice, bob)) == []


def test_an_acknowledged_send_that_never_arrived_is_lost() -> None:
    alice, bob = conversation()
    bob.events.pop()
    assert the_breach(alice, bob) == "lost: alice → bob 2 was acknowledged as 12, never delivered"
    assert missing((alice, bob)) == 1


def test_everything_is_lost_on_a_client_that_heard_nothing() -> None:
    alice, _ = conversation()
    assert len(check((alice, Log("bob")))) == 3


def test_what_comes_again_after_its_acknowledgement_is_doubled() -> None:
    alice, bob = conversation()
    bob.add("got", "alice", 0, 10, redelivered=True)
    assert the_breach(alice, bob) == "doubled: alice → bob 0 (10) came again after its acknowledgement"


def test_what_comes_under_a_second_id_is_doubled() -> None:
    alice, bob = conversation()
    bob.add("got", "alice", 2, 13)
    assert the_breach(alice, bob) == "doubled: alice → bob 2 (13) had come as 12 before"


def test_what_comes_again_has_to_say_so() -> None:
    alice, bob = conversation()
    bob.add("got", "alice", 2, 12)
    assert the_breach(alice, bob) == "unmarked: alice → bob 2 (12) came again and did not say so"


def test_what_overtakes_is_reordered() -> None:
    alice, bob = conversation()
    first, second = (index for index, event in enumerate(bob.events) if event.ident in (10, 12) and event.what == "got")
    bob.events[first], bob.events[second] = bob.events[second], bob.events[first]
    breaches = check((alice, bob))
    assert "reordered: alice → bob 1 came after 2" in breaches
    assert "reordered: alice → bob 0 came after 2" in breaches


def test_a_sender_that_promises_no_order_is_not_held_to_one() -> None:
    alice, bob = conversation()
    bob.events.insert(0, bob.events.pop())
    assert check((alice, bob), unordered=["alice"]) == []


def test_what_nobody_said_is_strange() -> None:
    alice, bob = conversation()
    bob.add("got", "alice", 7, 17)
    bob.add("got", "mallory", 0, 18)
    assert [breach.split(":")[0] for breach in check((alice, bob))] == ["strange", "strange"]
