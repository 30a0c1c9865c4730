"""The Nix text that the host writes around an agent's own tree."""

from __future__ import annotations

from collections.abc import Sequence

from agents.naming import git_identity, is_manager, web_port


def nix_string(text: str) -> str:
    """`text` as a Nix string: nothing in it is interpolated (Nix manual, string literals)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def flake_text(url: str, names: Sequence[str]) -> str:
    """One `nixosConfigurations.<name>` per agent, each the base of the hive's own flake with the agent's wrapper."""
    configurations = "".join(_configuration(name) for name in names)
    return f"""\
# Written by the hive: every agent's configuration. Changes made here are lost.
{{
  description = "The agents of this hive";
  inputs.hyperhive.url = {nix_string(url)};
  outputs = {{ hyperhive, ... }}: {{
    nixosConfigurations = {{
{configurations}    }};
  }};
}}
"""


def _configuration(name: str) -> str:
    base = "manager" if is_manager(name) else "agent-base"
    extended = f"hyperhive.nixosConfigurations.{nix_string(base)}.extendModules"
    return f"      {nix_string(name)} = {extended} {{ modules = [ ./agents/{name} ]; }};\n"


def wrapper_text(name: str, dashboard_port: int) -> str:
    """The module that imports the agent's `agent.nix` and sets what the host decides."""
    user, email = git_identity(name)
    service = "hive-m1nd" if is_manager(name) else "hive-ag3nt"
    return f"""\
# Written by the hive around {name}'s own files. Changes made here are lost.
{{
  imports = [ ./tree/agent.nix ];
  programs.git.config.user = {{
    name = {nix_string(user)};
    email = {nix_string(email)};
  }};
  systemd.services.{service}.environment = {{
    HIVE_PORT = {nix_string(str(web_port(name)))};
    HIVE_LABEL = {nix_string(name)};
    HIVE_DASHBOARD_PORT = {nix_string(str(dashboard_port))};
  }};
}}
"""
