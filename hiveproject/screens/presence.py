"""Whether an agent has a screen to show, and if not, what to do about it."""

from __future__ import annotations

import shutil

from django.conf import settings

from agents.models import Agent
from agents.screen import target

SERVER = "Xvnc"


def absence(agent: Agent) -> str:
    """Why there is no screen, in words that say what to do; empty when there is one."""
    if is_enabled(agent) and not agent.running:  # its socket may still lie there
        return "It does not run. Start it to see its screen."
    if target.is_there(settings.HIVE_PATHS, agent.name):
        return ""
    if not is_enabled(agent):
        return "It has no screen. Set hyperhive.gui.enable = true in its agent.nix and deploy that."
    if shutil.which(SERVER) is None:
        return f"Its screen needs {SERVER} on this machine: apt install tigervnc-standalone-server, then restart it."
    return "Its screen did not come up. Its container log says why; a restart tries again."


def is_enabled(agent: Agent) -> bool:
    """Whether what is deployed asks for a screen."""
    return agent.deployment is not None and bool(agent.deployment.options.get("gui.enable"))
