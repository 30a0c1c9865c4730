"""What every configuration may say raises nothing: flags that are always there are not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.nixconfig.initial import initial_agent_nix
from agents.nixconfig.options import DRIVERS, defaults
from approvals.risks import Change, File, assess
from tests.approvals.risks.builders import HARMLESS, adding

SAMPLES = sorted(HARMLESS.glob("*.nix"))
FILES = ("modules/tools.nix", "other/default.nix", "labels.txt", "fix.patch")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample.stem))
def test_it_raises_nothing(sample: Path) -> None:
    beside = dict.fromkeys(FILES, b"x\n")
    assert assess(adding({"agent.nix": sample.read_bytes(), **beside})) == []


def test_there_are_samples() -> None:
    assert len(SAMPLES) > 8


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_first_agent_nix_raises_nothing(driver: str) -> None:
    text = initial_agent_nix("alice", driver).encode()
    assert assess(Change({}, {"agent.nix": File("100644", text)}, None, defaults(driver))) == []


def test_less_memory_raises_nothing() -> None:
    before = initial_agent_nix("alice", "claude").encode()
    after = before.replace(b"}\n", b'  hyperhive.memoryMax = "1G";\n}\n')
    options = defaults("claude")
    old, new = ({"agent.nix": File("100644", text)} for text in (before, after))
    assert assess(Change(old, new, options, {**options, "memoryMax": "1G"})) == []


def test_removed_files_raise_nothing() -> None:
    before = {"agent.nix": File("100644", b"{ }"), "x.bin": File("100755", b"\0")}
    after = {"agent.nix": before["agent.nix"]}
    assert assess(Change(before, after, defaults("claude"), defaults("claude"))) == []
