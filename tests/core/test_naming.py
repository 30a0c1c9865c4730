from __future__ import annotations

import pytest

from agents import naming
from agents.naming import NameRefused


@pytest.mark.parametrize(
    ("name", "web", "vnc"),
    [("hm1nd", 8875, 16675), ("alice", 8879, 16679)],
)
def test_ports_are_the_golden_ones(name: str, web: int, vnc: int) -> None:
    assert naming.web_port(name) == web
    assert naming.vnc_port(name) == vnc


def test_fnv1a_follows_its_published_vectors() -> None:
    assert naming.fnv1a("") == 0x811C9DC5
    assert naming.fnv1a("a") == 0xE40C292C
    assert naming.fnv1a("foobar") == 0xBF9CF968


def test_container_names_fit_eleven_characters() -> None:
    assert naming.container_name("hm1nd") == "hm1nd"
    assert naming.container_name("abcdefghi") == "h-abcdefghi"
    assert len(naming.container_name("abcdefghi")) == 11


@pytest.mark.parametrize("name", ["a", "alice", "a-b", "x1", "abcdefghi"])
def test_it_takes_good_names(name: str) -> None:
    assert naming.spawnable_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "a/b",
        "A",
        "Alice",
        "1a",
        "-a",
        "a-",
        "a_b",
        "a b",
        "a\n",
        "аlice",
        "ａlice",
        "a\u202eb",
        "a.b",
        "a\x00",
    ],
)
def test_it_refuses_bad_names_with_the_reason(name: str) -> None:
    with pytest.raises(NameRefused, match="agent"):
        naming.spawnable_name(name)


def test_a_name_of_ten_characters_is_refused_with_the_limit() -> None:
    with pytest.raises(NameRefused, match=r"10 characters.*limit is 9"):
        naming.spawnable_name("abcdefghij")


@pytest.mark.parametrize("name", ["operator", "manager", "system", "external", "root", "nobody", "daemon"])
def test_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(NameRefused, match="reserved"):
        naming.agent_name(name)


def test_the_manager_cannot_be_spawned_but_is_an_agent() -> None:
    assert naming.agent_name("hm1nd") == "hm1nd"
    with pytest.raises(NameRefused, match="by itself"):
        naming.spawnable_name("hm1nd")


def test_manager_is_an_alias_where_a_recipient_is_named() -> None:
    assert naming.resolve_alias("manager") == "hm1nd"
    assert naming.resolve_alias("alice") == "alice"


def test_user_ids_lie_in_the_range_for_containers() -> None:
    for name in ("hm1nd", "alice", "z"):
        assert 0x80000 <= naming.host_uid(name) <= 0x6FFFFFFF
