"""What the guard refuses and what it lets through: two lists, each entry a test."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from agents.harness.bash.guard.refused import Refused
from tests.harness.bash.shells import guard

HERE = Path(__file__).parent
ATTACKS = tomllib.loads((HERE / "attacks.toml").read_text(encoding="utf-8"))["attack"]
HONEST = [
    line.replace("⏎", "\n")
    for line in (HERE / "honest.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack["command"].strip())
def test_an_attack_is_refused(attack: dict[str, str]) -> None:
    with pytest.raises(Refused) as refusal:
        guard().checked(attack["command"])
    assert refusal.value.part
    assert refusal.value.why


@pytest.mark.parametrize("command", HONEST)
def test_an_honest_command_passes(command: str) -> None:
    assert guard().checked(command)


def test_the_lists_are_long_enough() -> None:
    assert len(ATTACKS) >= 80
    assert len({attack["command"] for attack in ATTACKS}) == len(ATTACKS)
    assert len(HONEST) >= 60
