"""Rules that decide: an operator's standing approval for changes that only add packages known to be harmless.

Off until somebody makes one and switches it on. A rule never decides what any flag was raised for.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from agents.actors import SYSTEM, Actor
from approvals import audit, bases, contents, decisions, packages, reflagging
from approvals.decisions import DecisionRefused
from approvals.models import Approval, AutoRule
from approvals.transitions import TransitionRefused

_PACKAGE = re.compile(r"[A-Za-z_][A-Za-z0-9_'.+-]{0,99}\Z")
_MOST_PACKAGES = 500


def parsed(text: str) -> list[str]:
    """Names of packages, divided by white space or commas. Raises `ValidationError` naming the wrong ones."""
    names = list(dict.fromkeys(re.split(r"[\s,]+", text.strip())))
    wrong = [name for name in names if not _PACKAGE.match(name)]
    if not text.strip():
        raise ValidationError("Name at least one package: a rule without any would never decide.")
    if wrong:
        shown = ", ".join(repr(name[:40]) for name in wrong[:5])
        raise ValidationError(f"{shown}: not the name of a package, such as ripgrep or python3Packages.requests.")
    if len(names) > _MOST_PACKAGES:
        raise ValidationError(f"{len(names)} packages: at most {_MOST_PACKAGES}.")
    return names


def save(rule: AutoRule, *, actor: Actor) -> AutoRule:
    """Keep a rule, and in the audit log what it was and what it is."""
    rule.packages = "\n".join(parsed(rule.packages))
    with transaction.atomic():
        before = AutoRule.objects.select_related("agent").filter(pk=rule.pk).first() if rule.pk else None
        rule.save()
        action = "rule added" if before is None else "rule changed"
        audit.record(action, actor=actor, agent=_agent(rule), note=_told(before, rule))
    return rule


def remove(rule: AutoRule, *, actor: Actor) -> None:
    """Forget a rule; the audit log keeps what it was."""
    with transaction.atomic():
        audit.record("rule removed", actor=actor, agent=_agent(rule), note=_told(rule, None))
        rule.delete()


def consider(approval: Approval) -> Approval:
    """Decide a proposal that has just become pending, where a rule does; returns the approval as it then stands."""
    added = _only_packages(approval)
    if not added:
        return approval
    for rule in AutoRule.objects.filter(enabled=True).order_by("pk"):
        if rule.agent_id in (None, approval.agent_id) and added <= set(parsed(rule.packages)):
            return _fire(rule, approval, sorted(added))
    return approval


def _only_packages(approval: Approval) -> frozenset[str]:
    """The packages that it adds, if that is all it does; nothing in every other case and every doubt."""
    running = approval.agent.deployment
    asked = approval.kind == Approval.Kind.APPLY_COMMIT and approval.is_pending and running is not None
    if not asked or running is None or approval.flags or approval.fresh_look or reflagging.is_stale(approval):
        return frozenset()
    if approval.options != running.options or set(approval.ignored) - set(running.ignored) - {_OPTION}:
        return frozenset()
    base, sides = bases.of(approval, bases.RUNNING), contents.sides(approval)
    if base is None or base.files is None or sides is None:
        return frozenset()
    return packages.only_added(base.files, sides[1]) or frozenset()


_OPTION = "environment.systemPackages"


def _fire(rule: AutoRule, approval: Approval, added: list[str]) -> Approval:
    names = ", ".join(added)
    try:
        with transaction.atomic():
            audit.record(
                "rule fired",
                actor=SYSTEM,
                agent=approval.agent.name,
                approval_id=approval.pk,
                commit=approval.commit,
                note=f"rule {rule.pk}, {rule.name}: only adds {names}",
            )
            return decisions.approve(approval, actor=SYSTEM, note=f"By the rule “{rule.name}”: it only adds {names}.")
    except (TransitionRefused, DecisionRefused):
        return Approval.objects.select_related("agent").get(pk=approval.pk)


def _agent(rule: AutoRule) -> str:
    return rule.agent.name if rule.agent is not None else ""


def _told(before: AutoRule | None, after: AutoRule | None) -> str:
    return json.dumps({"before": _row(before), "after": _row(after)}, ensure_ascii=False)


def _row(rule: AutoRule | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    return {"name": rule.name, "enabled": rule.enabled, "agent": _agent(rule), "packages": rule.packages.split()}
