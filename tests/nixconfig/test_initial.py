from __future__ import annotations

import pytest

from agents.naming import NameRefused
from agents.nixconfig.initial import initial_agent_nix, is_initial
from agents.nixconfig.options import DRIVERS
from tests.nixconfig.conftest import Evaluate


@pytest.mark.parametrize("driver", DRIVERS)
def test_it_states_the_driver_and_evaluates(evaluate: Evaluate, driver: str) -> None:
    text = initial_agent_nix("alice", driver)
    assert f'hyperhive.driver = "{driver}";' in text
    assert text.startswith("# Per-agent configuration of alice. The manager edits this file and commits;")
    evaluation = evaluate(text)
    assert (evaluation.options["driver"], evaluation.ignored) == (driver, [])


@pytest.mark.parametrize("driver", DRIVERS)
def test_it_is_known_byte_for_byte(driver: str) -> None:
    text = initial_agent_nix("alice", driver)
    assert is_initial(text, "alice") == is_initial(text.encode(), "alice") == driver
    assert is_initial(text, "bob") is None
    assert is_initial(text + "\n", "alice") is None
    assert is_initial(text.replace("hyperhive", "hyperhIve"), "alice") is None
    assert is_initial(b"\xff", "alice") is None


def test_names_and_drivers_are_checked() -> None:
    with pytest.raises(NameRefused):
        initial_agent_nix('"; evil = "', "claude")
    with pytest.raises(ValueError, match="there is no driver 'gpt'; choose one of claude, acp, scripted"):
        initial_agent_nix("alice", "gpt")
