"""A container description is believed only after every field was looked at."""

from __future__ import annotations

from typing import Any

import pytest

from agents.containers.protocol import ContainerSpec, SpecRefused, cpu_percent, memory_bytes
from agents.naming import MANAGER, NameRefused
from tests.containers.hive import spec


def test_it_survives_the_way_through_json() -> None:
    wanted = spec(MANAGER, environment={"A": "b"}, children=("alice", "bob"))
    assert ContainerSpec.from_json(wanted.to_json()) == wanted


@pytest.mark.parametrize("name", ["..", "a/b", "A", "", "abcdefghij", "аlice", "root", None, 7, "a\n"])
def test_names_are_checked(name: Any) -> None:
    with pytest.raises(NameRefused):
        ContainerSpec.from_json({**spec().to_json(), "name": name})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("driver", "bash"),
        ("network", "bridge"),
        ("network", None),
        ("memory_max", "2 G"),
        ("memory_max", "-1"),
        ("memory_max", "1K"),
        ("memory_max", 2),
        ("memory_max", "2G\n"),
        ("cpu_quota", "0%"),
        ("cpu_quota", "50"),
        ("environment", []),
        ("environment", {"A=B": "c"}),
        ("environment", {"A\n": "c"}),
        ("environment", {"": "c"}),
        ("environment", {"1A": "c"}),
        ("environment", {"PPID": "c"}),
        ("environment", {"A": "b\0c"}),
        ("environment", {"A": 1}),
        ("environment", {"A": "b" * 70_000}),
        ("children", "bob"),
        ("children", ["bob"]),
        ("unknown", 1),
    ],
)
def test_a_field_that_is_wrong_is_refused(field: str, value: Any) -> None:
    with pytest.raises(SpecRefused):
        ContainerSpec.from_json({**spec().to_json(), field: value})


@pytest.mark.parametrize("children", [["../x"], [MANAGER], [""], ["ok", "No"]])
def test_the_managers_children_are_names(children: list[str]) -> None:
    with pytest.raises(NameRefused):
        ContainerSpec.from_json({**spec(MANAGER).to_json(), "children": children})


@pytest.mark.parametrize("value", [None, [], "alice", {}, {"name": "alice"}])
def test_it_is_an_object_with_all_its_fields(value: Any) -> None:
    with pytest.raises(SpecRefused):
        ContainerSpec.from_json(value)


def test_amounts() -> None:
    assert memory_bytes("2G") == 2 << 30
    assert memory_bytes("134217728") == 128 << 20
    assert cpu_percent("150%") == 150
