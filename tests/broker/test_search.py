"""Full-text search: all words, newest first, an agent its own messages only, and no text of anybody is an operator."""

from __future__ import annotations

import pytest

from broker import indexing, search
from broker.search import Query, QueryRefused
from broker.sending import Sender, send
from tests import builders

pytestmark = pytest.mark.django_db
ALICE, BOB = Sender.agent("alice"), Sender.agent("bob")


@pytest.fixture(autouse=True)
def swarm() -> None:
    for name in ("alice", "bob", "a-b", "carol"):
        builders.agent(name)


def found(text: str, party: str | None = None, **more: int) -> list[int]:
    return search.ids(Query(search.parse(text), party, **more))


def test_all_words_must_be_there_in_any_order_and_case() -> None:
    ident = send(ALICE, "bob", "The Café is OPEN tonight").id
    send(ALICE, "bob", "the bar is open")
    assert found("open cafe") == [ident]
    assert found("tonight café") == [ident]
    assert found('"is open tonight"') == [ident]
    assert found('"tonight open"') == []
    assert found("op") == []
    assert len(found("op*")) == 2


def test_the_newest_come_first_and_pages_go_on() -> None:
    made = [send(ALICE, "bob", f"zeppelin {number}").id for number in range(7)]
    first = found("zeppelin", limit=3)
    assert first == made[:3:-1]
    assert found("zeppelin", limit=3, before=first[-1]) == made[3:0:-1]
    assert found("zeppelin", before=made[0]) == []


def test_a_party_finds_what_it_said_and_was_told() -> None:
    said = send(ALICE, "bob", "zeppelin").id
    all_of_us = send(Sender.operator("ada"), "*", "zeppelins are back: zeppelin").id
    assert found("zeppelin", "alice") == [all_of_us, said]
    assert found("zeppelin", "bob") == [all_of_us, said]
    assert found("zeppelin", "carol") == [all_of_us]
    assert found("zeppelin", "operator") == [all_of_us]


def test_a_name_is_one_word_of_its_own() -> None:
    send(ALICE, "bob", "zeppelin")
    mine = send(ALICE, "a-b", "zeppelin").id
    assert found("zeppelin", "a-b") == [mine]
    assert found("zeppelin", "b") == []
    assert found("zeppelin", "a") == []
    assert found("alice") == [], "who speaks is not what is said"


@pytest.mark.parametrize("text", ["", " ", "?", '"', "*", "- + ^", "x" * 201, " ".join("abcdefghijklmnopq"), "\0"])
def test_a_query_has_words_and_not_too_many(text: str) -> None:
    with pytest.raises(QueryRefused):
        search.parse(text)


def test_the_worker_takes_up_what_nobody_searched_for() -> None:
    search.catch_up()
    assert indexing.next_due() is None
    send(ALICE, "bob", "zeppelin")
    assert indexing.next_due() is not None
    assert search.is_behind()
    assert search.catch_up() == 1
    assert not search.is_behind()
    assert len(found("zeppelin")) == 1


def test_many_are_taken_up_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_STEP", 2)
    made = [send(ALICE, "bob", "zeppelin").id for _ in range(5)]
    assert found("zeppelin") == made[::-1]
