"""The hive at a glance: every agent with its state, and what needs a person. Dashboard and hivectl read it here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Job
from approvals import queue
from approvals.models import Approval
from broker import deadletters, inbox, questions
from broker.models import Question
from hiveproject import budgets, health, stuck

_RECENT = timedelta(days=7)
_QUESTION, _QUESTIONS = 2_000, 20


@dataclass(frozen=True)
class Standing:
    """One agent as it stands now; `word` and `tone` are its state in one word and its colour."""

    agent: Agent
    inbox_depth: int
    word: str
    tone: str
    needs_update: bool

    @property
    def options(self) -> dict[str, Any]:
        return self.agent.deployment.options if self.agent.deployment is not None else {}

    @property
    def model(self) -> str:
        return self.agent.active_model or str(self.options.get("model") or "")


@dataclass(frozen=True)
class Item:
    """Something that needs a person: `tone` is `needs` or `bad`; `url` is where to act."""

    tone: str
    title: str
    detail: str
    since: datetime | None
    url: str
    verb: str
    question: Question | None = None
    actions: tuple[tuple[str, str], ...] = ()
    """Label and address of what may help at once."""

    @property
    def key(self) -> str:
        """The same as long as it is the same thing that needs somebody."""
        return f"{self.url} {self.title}"[:255]


def standings(agents: QuerySet[Agent] | None = None) -> list[Standing]:
    """Agents that have, or are about to have, a container: the manager first, then by name."""
    if agents is None:
        agents = Agent.objects.filter(lifecycle__in=[Agent.Lifecycle.LIVE, Agent.Lifecycle.REQUESTED])
    depths = inbox.depths()
    found = [_standing(agent, depths) for agent in agents.select_related("deployment", "started_deployment")]
    return sorted(found, key=lambda standing: not standing.agent.is_manager)


def rows() -> list[dict[str, Any]]:
    """What `hivectl list --json` prints: a row for each agent that has a container."""
    return [row(standing) for standing in standings(Agent.objects.live())]


def attention(known: Iterable[Standing] | None = None) -> list[Item]:
    """What waits for a person or went wrong, the most pressing first."""
    standing = list(standings() if known is None else known)
    return [
        *_worker(),
        *_approvals(),
        *_questions(),
        *(item for each in standing for item in _troubles(each)),
        *_stuck(standing),
        *_budgets(standing),
        *_dead_letters(),
        *_failed_deploys(),
        *_failed_jobs({each.agent.pk for each in standing if each.agent.failed}),
        *_port_collisions(standing),
    ]


def _standing(agent: Agent, depths: dict[str, int]) -> Standing:
    stale = agent.started_version != settings.HIVE_VERSION or agent.started_deployment_id != agent.deployment_id
    word, tone = _state(agent)
    return Standing(agent, depths.get(agent.name, 0), word, tone, agent.running and stale)


def _state(agent: Agent) -> tuple[str, str]:
    if agent.lifecycle == Agent.Lifecycle.REQUESTED:
        return "requested", "busy"
    if agent.lifecycle != Agent.Lifecycle.LIVE:
        return agent.get_lifecycle_display().lower(), "off"
    if agent.failed:
        return "crashed", "bad"
    if not agent.running:
        return ("starting", "busy") if agent.wanted else ("stopped", "off")
    if agent.frozen:
        return "frozen", "off"
    if not agent.connected:
        return "connecting", "busy"
    if agent.needs_login:
        return "needs login", "needs"
    if agent.over_budget:
        return "over budget", "needs"
    if agent.paused:
        return "paused", "off"
    return ("working", "busy") if agent.busy_since else ("running", "good")


def row(standing: Standing) -> dict[str, Any]:
    """One agent as `hivectl` prints it."""
    agent, deployment = standing.agent, standing.agent.deployment
    return {
        "name": agent.name,
        "container": agent.container,
        "running": agent.running,
        "failed": agent.failed,
        "needs_update": standing.needs_update,
        "needs_login": agent.needs_login,
        "paused": agent.paused,
        "frozen": agent.frozen,
        "web_port": agent.web_port,
        "vnc_port": agent.vnc_port,
        "deployed_tag": deployment.tag if deployment else None,
        "deployed_sha": deployment.commit if deployment else None,
        "driver": standing.options.get("driver"),
        "active_model": standing.model or None,
        "status_text": agent.status_text,
        "status_set_at": agent.status_set_at.isoformat() if agent.status_set_at else None,
        "inbox_depth": standing.inbox_depth,
    }


def _worker() -> list[Item]:
    if health.worker_lives():
        return []
    detail = "Nothing is built, started or stopped until it runs again: see the terminal of `make run`."
    return [Item("bad", "The worker is not running", detail, None, reverse("healthz"), "Check")]


def _approvals() -> list[Item]:
    return [
        Item(
            "needs",
            f"{_ASKS[approval.kind]} {approval.agent.name}",
            _first_line(approval.description) or f"asked by {approval.requested_by.rpartition(':')[2]}",
            approval.requested_at,
            reverse("approval", args=[approval.pk]),
            "Review",
        )
        for approval in queue.pending()
    ]


_ASKS = {
    "spawn": "New agent",
    "apply_commit": "Change to",
    "rollback": "Rollback of",
    "update_inputs": "New shared inputs, by way of",
    "destroy": "End of",
    "schedule_prompt": "Scheduled prompt for",
}


def _questions() -> list[Item]:
    """What agents have asked the operator; answered in place."""
    return [
        Item(
            "needs",
            f"{question.asker} asks",
            question.text[:_QUESTION],
            question.asked_at,
            reverse("question", args=[question.pk]),
            "Open",
            question,
        )
        for question in questions.for_operator()[:_QUESTIONS]
    ]


def _dead_letters() -> list[Item]:
    count = deadletters.count()
    if not count:
        return []
    title = "A message could not be delivered" if count == 1 else f"{count} messages could not be delivered"
    detail = "Have it delivered again, or give it up." if count == 1 else "Have them delivered again, or give them up."
    return [Item("bad", title, detail, None, reverse("dead-letters"), "Look")]


def _troubles(standing: Standing) -> list[Item]:
    agent = standing.agent
    url = reverse("agent", args=[agent.name])
    items = []
    if agent.failed:
        items.append(Item("bad", f"{agent.name} crashed", _first_line(agent.failure), None, url, "Look"))
    if agent.needs_login:
        detail = agent.problem or "Its driver is not signed in: messages wait until it is."
        items.append(Item("needs", f"{agent.name} needs login", _first_line(detail), None, url, "Open"))
    elif agent.problem:
        items.append(Item("bad", f"{agent.name} reports a problem", _first_line(agent.problem), None, url, "Look"))
    return items


_HELP = {"silent": ("interrupt", "restart"), "looping": ("interrupt", "new_session"), "crashing": ("stop",)}
_LABELS = {"interrupt": "Interrupt", "restart": "Restart", "new_session": "New session", "stop": "Stop"}


def _stuck(standing: Iterable[Standing]) -> list[Item]:
    found = []
    for one in stuck.look(each.agent for each in standing):
        name = one.agent.name
        actions = tuple((_LABELS[verb], _address(name, verb)) for verb in _HELP[one.kind])
        found.append(
            Item("bad", one.title, one.evidence, one.since, reverse("agent", args=[name]), "Look", actions=actions)
        )
    return found


def _address(name: str, verb: str) -> str:
    return reverse("act" if verb in ("restart", "stop") else "order", args=[name, verb])


def _budgets(standing: Iterable[Standing]) -> list[Item]:
    """What is nearly or wholly used up; only the operator grants more."""
    found = []
    for use in budgets.uses(each.agent for each in standing):
        if use.share < budgets.WARN:
            continue
        who = "The swarm" if use.agent is None else use.agent.name
        title = f"{who} has used up its {use.what}" if use.is_spent else f"{who} nears its limit of {use.what}"
        url = reverse("dashboard") if use.agent is None else reverse("agent", args=[use.agent.name])
        name = "--swarm" if use.agent is None else use.agent.name
        detail = f"{use.told()}. hivectl budget raise {name} --{use.what} N grants more for today."
        found.append(Item("bad" if use.is_spent else "needs", title, detail, None, url, "Look"))
    return found


def _failed_deploys() -> list[Item]:
    """Decided changes that failed and that nothing has followed yet."""
    newest = Approval.objects.filter(agent=OuterRef("agent")).order_by("-id").values("id")[:1]
    failed = Approval.objects.filter(
        pk=Subquery(newest),
        status=Approval.Status.FAILED,
        decided_at__isnull=False,
        finished_at__gt=timezone.now() - _RECENT,
    )
    return [
        Item(
            "bad",
            f"Deploy of {approval.agent.name} failed",
            _last_line(approval.note),
            approval.finished_at,
            reverse("approval", args=[approval.pk]),
            "Look",
        )
        for approval in failed.select_related("agent")
    ]


def _failed_jobs(crashed: set[int]) -> list[Item]:
    """Starts, stops and the like that failed, where nothing was done on the agent since."""
    newest = Job.objects.filter(agent=OuterRef("agent"), lane=Job.Lane.CONTAINER).order_by("-id").values("id")[:1]
    failed = Job.objects.filter(
        pk=Subquery(newest),
        status__in=[Job.Status.FAILED, Job.Status.INTERRUPTED],
        approval_id__isnull=True,
        finished_at__gt=timezone.now() - _RECENT,
    ).exclude(agent__in=crashed)
    return [
        Item(
            "bad",
            f"{job.kind.capitalize()} of {job.agent.name} failed",
            _first_line(job.error),
            job.finished_at,
            reverse("job", args=[job.pk]),
            "Read log",
        )
        for job in failed.select_related("agent")
    ]


def _port_collisions(standing: list[Standing]) -> list[Item]:
    by_port: dict[int, list[str]] = defaultdict(list)
    for each in standing:
        by_port[each.agent.web_port].append(each.agent.name)
    return [
        Item(
            "needs",
            f"{' and '.join(names)} share port {port}",
            "Only one of them can run at a time: spawn one under another name.",
            None,
            reverse("agent", args=[names[-1]]),
            "Open",
        )
        for port, names in by_port.items()
        if len(names) > 1
    ]


def _first_line(text: str) -> str:
    return next((line.strip()[:300] for line in text.splitlines() if line.strip()), "")


def _last_line(text: str) -> str:
    return _first_line("\n".join(reversed(text.splitlines())))
