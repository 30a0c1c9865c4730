"""All rules over one change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from approvals.risks.change import Change
from approvals.risks.files import invisible, modes, names, obfuscation, unreadable
from approvals.risks.flags import LEVELS, Flag
from approvals.risks.nix import changed
from approvals.risks.options import allowances, behaviour, environment, isolation, resources, servers

RULES: tuple[Callable[[Change], Iterator[Flag]], ...] = (
    isolation.host_network,
    isolation.private_users,
    isolation.nix_daemon,
    servers.servers,
    allowances.bash_patterns,
    allowances.tools,
    allowances.recipients,
    allowances.egress,
    environment.environment,
    resources.budget,
    resources.memory,
    resources.processor,
    behaviour.driver,
    behaviour.instructions,
    invisible.invisible,
    names.names,
    changed.nix_text,
    unreadable.binary,
    unreadable.too_large,
    modes.modes,
    obfuscation.long_lines,
    obfuscation.gaps,
    obfuscation.blobs,
)


def assess(change: Change) -> list[Flag]:
    """What to look at twice: high first, then in the order of the rules and of the paths; each once."""
    found = list(dict.fromkeys(flag for rule in RULES for flag in rule(change)))
    return sorted(found, key=lambda flag: LEVELS.index(flag.level))
