"""A hive in the middle of its day, as rows: six agents, a queue, a failed job, long words, hostile text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from agents import actors
from agents.models import Agent, Deployment, Job, JobLine
from approvals import audit
from approvals.models import Approval, ApprovalContent, Tag
from broker import deadletters, questions, schedules
from broker.models import Delivery
from broker.schedules import Plan
from broker.sending import Sender, send
from tests import builders

MANAGER, FRONT, DOCS, CRAWL, TESTS, OLD = "hm1nd", "frontend", "docs", "crawler-x", "tests", "archivist"
BEFORE = """\
# Per-agent configuration of frontend. The manager edits this file and commits;
# nothing takes effect before the operator has seen the diff and approved it.
{ config, lib, pkgs, ... }:
{
  # Who answers: "claude" (the Claude CLI) or "scripted" (follows written steps,
  # needs no account).
  hyperhive.driver = "claude";
  hyperhive.model = "sonnet";

  hyperhive.instructions = ''
    You build the product's web pages. Small commits, one change each.
    Ask hm1nd before you touch the API.
  '';

  hyperhive.allowedRecipients = [ "manager" "operator" "docs" ];
  hyperhive.memoryMax = "2G";

  environment.systemPackages = with pkgs; [ nodejs ripgrep ];
}
"""
AFTER = """\
# Per-agent configuration of frontend. The manager edits this file and commits;
# nothing takes effect before the operator has seen the diff and approved it.
{ config, lib, pkgs, ... }:
let
  # Shared with docs: keep both at the same version.
  browsers = [ "chromium" "firefox" ];
  screenshotTool = pkgs.writeShellScriptBin "shoot" ''
    set -euo pipefail
    out="''${1:?where to}"
    for width in 390 1280; do
      chromium --headless --window-size="$width",900 \\
        --screenshot="$out-$width.png" http://127.0.0.1:"$HIVE_PORT"/
    done
  '';
in
{
  # Who answers: "claude" (the Claude CLI) or "scripted" (follows written steps,
  # needs no account).
  hyperhive.driver = "claude";
  hyperhive.model = "opus";

  hyperhive.instructions = ''
    You build the product's web pages. Small commits, one change each.
    Ask hm1nd before you touch the API.
    Look at your own pages with `shoot` in both widths before you say that
    something is done, and send the pictures' paths to docs.
  '';

  hyperhive.allowedRecipients = [ "manager" "operator" "docs" "tests" ];
  hyperhive.allowedTools = [ "Read" "Edit" "mcp__bash__run" ];
  hyperhive.memoryMax = "4G";
  hyperhive.cpuQuota = "150%";

  hyperhive.environment = {
    NODE_ENV = "development";
    BROWSERS = lib.concatStringsSep "," browsers;
  };

  hyperhive.extraMcpServers.pictures = {
    command = "pictures-mcp";
    args = [ "--root" "/shared/frontend" ];
    tools = [ "compare" "crop" ];
  };

  environment.systemPackages = with pkgs; [ nodejs ripgrep screenshotTool ];
}
"""

_FLAGS = [
    {
        "rule": "mcp-server",
        "level": "high",
        "where": "hyperhive.extraMcpServers.pictures",
        "text": 'New MCP server: command: "pictures-mcp"; args: ["--root", "/shared/frontend"]; '
        'tools: ["compare", "crop"]. What an MCP server answers is read by the model, and its tools act for the agent.',
    },
    {
        "rule": "widened-recipients",
        "level": "high",
        "where": "hyperhive.allowedRecipients",
        "text": 'Widened: the agent may now write to "tests". '
        "Messages wake other agents and carry what this one knows.",
    },
    {
        "rule": "limits",
        "level": "notice",
        "where": "hyperhive.memoryMax",
        "text": 'Raised from "2G" to "4G". Other agents and this machine share the memory.',
    },
]


def fill() -> User:
    """Make the scene; returns its operator."""
    user = User.objects.create_superuser("operator", password="correct horse battery")
    User.objects.create_user("guest", password="correct horse battery")
    _agents()
    _history()
    _queue()
    _jobs()
    _talk()
    _waiting()
    return user


def of(agent: Agent) -> Deployment:
    """What is deployed; every agent of the scene has something."""
    assert agent.deployment is not None
    return agent.deployment


def ago(**length: float) -> Any:
    return timezone.now() - timedelta(**length)


def _agents() -> None:
    now: dict[str, Any] = {"running": True, "connected": True, "wanted": True, "started_version": "0.1.0"}
    builders.agent(MANAGER, **now, active_model="opus", last_turn_at=ago(minutes=2), status_text="Planning the release")
    builders.agent(
        FRONT,
        **now,
        active_model="sonnet",
        busy_since=ago(seconds=95),
        status_text="Rewriting the settings page so that every control works without JavaScript; the tests for the "
        "narrow layout are red, the rest is done and waits for docs to look at the words",
        status_set_at=ago(minutes=6),
    )
    builders.agent(DOCS, **now, needs_login=True, problem="Claude is not logged in: open a terminal and run `claude`.")
    builders.agent(
        CRAWL, wanted=True, failed=True, failure="ended with exit code 1\nMemoryError", last_turn_at=ago(hours=3)
    )
    builders.agent(
        TESTS, **now, paused=True, last_turn_at=ago(minutes=41), status_text="Paused until the deploy is through"
    )
    builders.agent(OLD, lifecycle=Agent.Lifecycle.KEPT)
    for agent in Agent.objects.all():
        agent.deployment = builders.deployment(
            agent, commit=f"{agent.pk:x}c4f" * 10, options=builders.agent_options(driver="claude", model="sonnet")
        )
        agent.started_deployment = agent.deployment
        agent.save()


def _history() -> None:
    for number, agent in enumerate(Agent.objects.order_by("id"), start=1):
        spawned = builders.approval(
            agent,
            kind="spawn",
            status="deployed",
            commit=of(agent).commit,
            description=f"We need someone for {agent.name}.",
            requested_by="operator:operator",
            decided_by="operator",
            decided_at=ago(days=3, minutes=-number),
            options=of(agent).options,
        )
        ApprovalContent.objects.create(approval=spawned, after={"agent.nix": BEFORE.replace("frontend", agent.name)})
        Deployment.objects.filter(agent=agent).update(approval_id=spawned.pk)
        for tag in ("deployed/0", f"deployed/{spawned.pk}"):
            Tag.objects.create(agent=agent, name=tag, commit=of(agent).commit)
    Approval.objects.update(requested_at=ago(days=3))
    builders.approval(
        Agent.objects.get(name=TESTS),
        status="failed",
        commit="ab12" * 10,
        description="Give tests a browser.",
        decided_by="operator",
        decided_at=ago(minutes=50),
        finished_at=ago(minutes=48),
        note="error: attribute 'chromiun' missing at agent.nix:21:41",
    )
    denied = builders.approval(
        Agent.objects.get(name=FRONT),
        status="denied",
        commit="cd34" * 10,
        description="Give frontend the host's network.",
        decided_by="operator",
        decided_at=ago(days=1),
        note="Not needed for pages.\nAsk again with the address that you want to reach.",
    )
    wanted = BEFORE.replace('"2G";', '"2G";\n  hyperhive.network = "host";')
    ApprovalContent.objects.create(approval=denied, before={"agent.nix": BEFORE}, after={"agent.nix": wanted})


def _queue() -> None:
    front = Agent.objects.get(name=FRONT)
    options = builders.agent_options(
        driver="claude",
        model="opus",
        memoryMax="4G",
        cpuQuota="150%",
        allowedTools=["Read", "Edit", "mcp__bash__run"],
        environment={"NODE_ENV": "development", "BROWSERS": "chromium,firefox"},
    )
    change = builders.approval(
        front,
        commit="9f3ac1d2" * 5,
        base_commit=of(front).commit,
        options=options,
        ignored=["environment.systemPackages"],
        flags=_FLAGS,
        prebuild={"status": "ok", "job": 1, "error": ""},
        description="frontend gets a screenshot tool and more memory.\n\nIt now checks its own pages in both widths "
        "before it reports; two browsers at once did not fit into 2G. Asked for by docs, discussed with tests.",
    )
    ApprovalContent.objects.create(
        approval=change,
        before={"agent.nix": BEFORE},
        after={
            "agent.nix": AFTER,
            "assets/mark.png": None,
            "notes/words.md": "# Words\n\nSay *sign in*, not *login*.\n",
        },
    )
    audit.record("apply_commit requested", actor=actors.agent(MANAGER), agent=FRONT, approval_id=change.pk)
    young = builders.agent("sec-audit", lifecycle=Agent.Lifecycle.REQUESTED)
    asked = builders.approval(
        young, kind="spawn", requested_by="operator:operator", options=builders.agent_options(driver="claude")
    )
    ApprovalContent.objects.create(approval=asked, after={"agent.nix": BEFORE.replace("frontend", "sec-audit")})
    Approval.objects.filter(pk=change.pk).update(requested_at=ago(minutes=11))


def _jobs() -> None:
    crawler, tests, front = (Agent.objects.get(name=name) for name in (CRAWL, TESTS, FRONT))
    done = {"status": "done", "started_at": ago(minutes=59), "finished_at": ago(minutes=58.9)}
    Job.objects.create(agent=front, kind="restart", requested_by="operator:operator", **done)
    Job.objects.create(
        agent=tests,
        kind="deploy",
        status="failed",
        requested_by="operator:operator",
        approval_id=Approval.objects.get(agent=tests, status="failed").pk,
        started_at=ago(minutes=49),
        finished_at=ago(minutes=48),
        error="error: attribute 'chromiun' missing at agent.nix:21:41",
    )
    failed = Job.objects.create(
        agent=crawler,
        kind="start",
        status="failed",
        requested_by="agent:hm1nd",
        started_at=ago(minutes=20),
        finished_at=ago(minutes=19.5),
        error="crawler-x ended right after its start (exit code 1).\nLast lines of its log:\nMemoryError",
    )
    running = Job.objects.create(
        agent=front, kind="rebuild", status="running", requested_by="agent:hm1nd", started_at=ago(seconds=4)
    )
    text = ["Starting crawler-x with deployed/4 (4c4f4c4f4c4f).", *failed.error.splitlines()]
    JobLine.objects.bulk_create(JobLine(job=failed, text=line) for line in text)
    JobLine.objects.bulk_create(JobLine(job=running, text=f"Evaluating agent.nix, step {step}.") for step in range(3))
    Job.objects.update(requested_at=ago(minutes=20))


def _talk() -> None:
    operator = Sender.operator("operator")
    asked = send(operator, FRONT, "How far is the settings page? Please answer with what is left, in a list.")
    send(
        Sender.agent(FRONT),
        "operator",
        "Three things are left:\n\n1. the narrow layout (two tests are red)\n2. words: docs looks at them now\n"
        "3. the empty state\n\n```console\n$ npm test\n  42 passed, 2 failed (narrow: toolbar, narrow: dialog)\n```",
        in_reply_to=asked.id,
    )
    send(Sender.agent(FRONT), MANAGER, "May I have `shoot` and a second browser? 2G is not enough for both.")
    send(Sender.agent(MANAGER), FRONT, "I have committed it to your agent.nix and asked for approval.")
    send(Sender.system(), "operator", "crawler-x crashed: ended with exit code 1", kind="container_crash")
    send(
        Sender.agent(MANAGER),
        "operator",
        "<b>Release</b> notes are ready in /shared/hm1nd. \u202egnp.exe\u202c \x1b[31mlook\x1b[0m",
    )
    Delivery.objects.filter(recipient__in=[FRONT]).update(
        state=Delivery.State.ACKNOWLEDGED, acknowledged_at=timezone.now()
    )


def _waiting() -> None:
    """Questions, a dead letter and schedules."""
    options = ["The old one", "The new one, with <b>rounded</b> corners", "Neither"]
    questions.ask(
        Sender.agent(FRONT), "operator", "Which toolbar shall I keep?\nThe old one has tests.", options=options
    )
    parts = ["docs", "tests", "demo"]
    questions.ask(Sender.agent(MANAGER), "operator", "What belongs into the release?", options=parts, multi=True)
    send(Sender.agent(MANAGER), FRONT, "The build is free for ten minutes.", ttl_seconds=1)
    deadletters.expire_due(timezone.now() + timedelta(hours=1))
    mail = Plan(MANAGER, "Look through the mail and answer what can be answered.", cron="0 9 * * 1-5")
    schedules.create(mail, approval_id=9001, requested_by=f"agent:{MANAGER}")
    schedules.create(Plan(FRONT, "Run all the tests.", every=3600), approval_id=9002, requested_by="operator:operator")
