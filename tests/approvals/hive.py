"""A hive without processes of its own: real rows, real git, real evaluation; jobs run where the test says so.

Only containers are played, at the boundary that `agents.containers.protocol` draws.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from agents import actors, configuration, jobs
from agents.containers.protocol import ContainerSpec, ExitStatus
from agents.models import Agent, Job
from approvals import decisions, redrive, requests
from approvals.models import Approval
from tests.repositories.builders import commit_files

BEA = actors.operator("bea")
MANAGER = actors.agent("hm1nd")
WELL, MUTE, DEAD = "well", "mute", "dead"
EVIDENCE = "Traceback: the harness cannot go on"


class PlayedContainers:
    """Containers whose harness connects and answers a ping, says nothing (`mute`) or ends at once (`dead`)."""

    def __init__(self) -> None:
        self.health = WELL
        self.running: set[str] = set()
        self.calls: list[str] = []

    def create(self, name: str) -> None:
        for folder in (settings.HIVE_PATHS.credentials(name), settings.HIVE_PATHS.notes(name)):
            folder.mkdir(parents=True, exist_ok=True)

    def start(self, spec: ContainerSpec) -> None:
        self.calls.append(f"start {spec.name}")
        if self.health != DEAD:
            self.running.add(spec.name)

    def stop(self, name: str, grace: float = 10) -> None:
        self.calls.append(f"stop {name}")
        self.running.discard(name)

    def destroy(self, name: str) -> None:
        self.calls.append(f"destroy {name}")
        self.running.discard(name)

    def drain(self, name: str) -> None:
        self.calls.append(f"drain {name}")

    def is_running(self, name: str) -> bool:
        """Asked again and again by the gate: here the played harness does what it does."""
        if name in self.running and self.health == WELL:
            now = timezone.now()
            Agent.objects.filter(name=name).update(connected=True, connected_at=now, ping_answered=F("ping_asked"))
        elif name in self.running:
            Agent.objects.filter(name=name).update(connected=True, connected_at=timezone.now())
        return name in self.running

    def exit_status(self, name: str) -> ExitStatus | None:
        return ExitStatus(code=1, signal=None, at=0.0)

    def logs(self, name: str, lines: int = 200) -> list[str]:
        return [EVIDENCE]


def work() -> None:
    """Do what is queued until nothing is, as the worker would."""
    while (job := Job.objects.filter(status=Job.Status.QUEUED).order_by("id").first()) is not None:
        jobs.run(job.pk)


def agent(name: str = "alice") -> Agent:
    return Agent.objects.select_related("deployment", "started_deployment").get(name=name)


def fresh(approval: Approval) -> Approval:
    return Approval.objects.select_related("agent__deployment").get(pk=approval.pk)


def spawned(name: str = "alice") -> Agent:
    """An agent that was asked for, approved and deployed."""
    approval = requests.spawn(name, actor=BEA)
    work()
    decisions.approve(fresh(approval), actor=BEA)
    work()
    assert fresh(approval).status == "deployed", fresh(approval).note
    return agent(name)


def committed(text: str, name: str = "alice") -> str:
    """Commit `text` as the agent's configuration, as the manager would."""
    return commit_files(settings.HIVE_PATHS.proposed(name), {"agent.nix": text.encode()})


def proposed(text: str, name: str = "alice", description: str = "") -> Approval:
    """A change that waits for its decision."""
    approval = requests.apply_commit(name, committed(text, name), actor=MANAGER, description=description)
    work()
    approval = fresh(approval)
    assert approval.status == "pending", approval.note
    return approval


def nix(memory: str = "3G") -> str:
    return f'{{ hyperhive.driver = "scripted"; hyperhive.memoryMax = "{memory}"; }}\n'


def tags(name: str = "alice") -> dict[str, str]:
    """Tag → commit, as git has them."""
    return {tag: info.commit for tag, info in configuration.applied(name).tags().items()}


def message(tag: str, name: str = "alice") -> str:
    return configuration.applied(name).tags()[tag].message


def main(name: str = "alice") -> str | None:
    return configuration.applied(name).main()


def meta_file(path: str) -> str:
    file: Path = settings.HIVE_PATHS.meta / path
    return file.read_text() if file.exists() else ""


class Killed(BaseException):
    """The worker is killed here."""


def killed(*_given: object, **_more: object) -> None:
    raise Killed


def restart() -> None:
    """A new worker takes up what the killed one left."""
    jobs.reconcile()
    redrive.redrive()
    work()


def run_job(approval: Approval, kind: str) -> None:
    """Do one approval's job, whatever waits before it."""
    jobs.run(Job.objects.get(approval_id=approval.pk, kind=kind, status=Job.Status.QUEUED).pk)


def proposed_only(text: str, name: str = "alice") -> Approval:
    """Like `proposed`, and no other job is done meanwhile."""
    approval = requests.apply_commit(name, committed(text, name), actor=MANAGER)
    run_job(approval, "pin")
    return fresh(approval)
