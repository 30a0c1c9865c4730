"""Rules that decide: off by default, only for changes that add what they name, each firing audited with the rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from agents import actors
from agents.models import Job
from approvals import rules
from approvals.models import Approval, ApprovalContent, AuditEvent, AutoRule
from tests import builders

pytestmark = pytest.mark.django_db
BEA = actors.operator("bea")
BEFORE = "{ pkgs, ... }: { environment.systemPackages = with pkgs; [ git ]; }\n"
AFTER = BEFORE.replace("git ]", "git jq ]")


def rule(**fields: Any) -> AutoRule:
    return rules.save(AutoRule(**{"name": "tools", "packages": "jq ripgrep", "enabled": True, **fields}), actor=BEA)


def proposal(after: str = AFTER, **fields: Any) -> Approval:
    """A pending change of an agent that runs `BEFORE`."""
    alice = builders.agent("alice")
    running = builders.approval(alice, status="deployed", commit=builders.COMMIT)
    ApprovalContent.objects.create(approval=running, after={"agent.nix": BEFORE})
    given = {
        "commit": "4" * 40,
        "options": builders.agent_options(),
        "ignored": ["environment.systemPackages"],
        **fields,
    }
    asked = builders.approval(alice, **given)
    ApprovalContent.objects.create(approval=asked, before={"agent.nix": BEFORE}, after={"agent.nix": after})
    return asked


def test_a_rule_approves_what_only_adds_its_packages() -> None:
    made = rule()
    decided = rules.consider(proposal())
    assert (decided.status, decided.decided_by) == ("approved", "system")
    assert "By the rule “tools”: it only adds jq." in decided.note
    fired = AuditEvent.objects.get(action="rule fired")
    assert (fired.note, fired.approval_id) == (f"rule {made.pk}, tools: only adds jq", decided.pk)
    assert Job.objects.get(kind="deploy").approval_id == decided.pk


def test_nothing_is_decided_where_there_is_no_rule() -> None:
    assert rules.consider(proposal()).status == "pending"


def test_a_new_rule_is_switched_off() -> None:
    rules.save(AutoRule(name="tools", packages="jq"), actor=BEA)
    assert rules.consider(proposal()).status == "pending"


FLAG = {"rule": "mode", "level": "notice", "where": "x", "text": "It matters."}


@pytest.mark.parametrize(
    "fields",
    [
        {"flags": [FLAG]},
        {"kind": "spawn"},
        {"kind": "rollback"},
        {"status": "denied"},
        {"fresh_look": True},
        {"flagged_on": 10_000},
        {"options": builders.agent_options(memoryMax="4G")},
        {"ignored": ["environment.systemPackages", "services.x"]},
    ],
)
def test_whatever_else_there_is_leaves_it_to_a_person(fields: dict[str, Any]) -> None:
    rule()
    approval = proposal(**fields)
    assert rules.consider(approval).status == approval.status
    assert not AuditEvent.objects.filter(action="rule fired").exists()


@pytest.mark.parametrize("after", [AFTER.replace("jq", "nmap"), AFTER.replace("jq", "jq nmap"), BEFORE, "{ }\n"])
def test_other_packages_and_other_changes_are_left_to_a_person(after: str) -> None:
    rule()
    assert rules.consider(proposal(after)).status == "pending"


def test_a_rule_for_one_agent_decides_for_no_other() -> None:
    rule(agent=builders.agent("bob"))
    assert rules.consider(proposal()).status == "pending"


def test_files_that_nobody_kept_are_left_to_a_person() -> None:
    rule()
    approval = proposal()
    ApprovalContent.objects.exclude(approval=approval).delete()
    assert rules.consider(approval).status == "pending"


@pytest.mark.parametrize("packages", ["", "  ", "jq; rm", "../x", "$(id)", "a" * 200, "jq 'x"])
def test_what_is_no_name_of_a_package_is_refused(packages: str) -> None:
    with pytest.raises(ValidationError):
        rule(packages=packages)
    assert not AutoRule.objects.exists()
    assert not AuditEvent.objects.exists()


def test_every_change_of_a_rule_is_audited() -> None:
    made = rule()
    made.enabled, made.packages = False, "jq, fd"
    rules.save(made, actor=BEA)
    rules.remove(made, actor=BEA)
    events = list(AuditEvent.objects.order_by("id"))
    assert [(event.action, event.actor) for event in events] == [
        ("rule added", "operator:bea"),
        ("rule changed", "operator:bea"),
        ("rule removed", "operator:bea"),
    ]
    told = json.loads(events[1].note)
    assert told["before"]["packages"] == ["jq", "ripgrep"]
    assert (told["after"]["packages"], told["after"]["enabled"]) == (["jq", "fd"], False)
