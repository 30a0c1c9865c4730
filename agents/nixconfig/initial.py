"""The first `agent.nix` of an agent: known byte for byte, so that it can be accepted on a machine without Nix."""

from __future__ import annotations

from agents.naming import agent_name
from agents.nixconfig.options import DRIVERS

_TEXT = """\
# Per-agent configuration of {name}. The manager edits this file and commits;
# nothing takes effect before the operator has seen the diff and approved it.
{{ config, lib, pkgs, ... }}:
{{
  # Who answers: "claude" (the Claude CLI) or "scripted" (follows written steps,
  # needs no account).
  hyperhive.driver = "{driver}";
}}
"""


def initial_agent_nix(name: str, driver: str) -> str:
    """The text of the file. Raises `ValueError` for a name or a driver that does not exist."""
    if driver not in DRIVERS:
        raise ValueError(f"there is no driver {driver!r}; choose one of {', '.join(DRIVERS)}")
    return _TEXT.format(name=agent_name(name), driver=driver)


def is_initial(text: str | bytes, name: str) -> str | None:
    """The driver that the file names if it is the initial one of this agent, else `None`."""
    data = text.encode() if isinstance(text, str) else text
    return next((driver for driver in DRIVERS if initial_agent_nix(name, driver).encode() == data), None)
