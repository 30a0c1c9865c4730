"""From an approved commit to the options that are enforced: export, evaluate, keep the meta flake in step."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from agents.containers import privileged
from agents.containers.claude import find_claude
from agents.jobs import JobFailed, Run
from agents.models import Agent, Deployment
from agents.nixconfig import evaluate, initial, options
from agents.nixconfig.evaluate import Evaluation
from agents.paths import inside
from agents.repositories import lock, meta
from agents.repositories.applied import Applied
from agents.repositories.hosted import NotInCommit


def applied(name: str) -> Applied:
    """The host's repository of what was approved for this agent."""
    return Applied(settings.HIVE_PATHS.applied(name))


def meta_repository() -> Applied:
    """The meta flake's own repository; its tags tell of updates of the inputs."""
    return Applied(settings.HIVE_PATHS.meta)


def default_driver() -> str:
    """What a new `agent.nix` states: `claude` where its CLI is on the host, else `scripted`."""
    if settings.HIVE_DEFAULT_DRIVER != "auto":
        return str(settings.HIVE_DEFAULT_DRIVER)
    return "claude" if find_claude() is not None else "scripted"


def initial_text(name: str) -> str:
    """A new agent's first `agent.nix`."""
    return initial.initial_agent_nix(name, default_driver())


def evaluated(run: Run, commit: str) -> Evaluation:
    """The `hyperhive.*` options of a commit. Raises `EvaluationFailed` or `EvaluatorMissing`.

    The initial file is known byte for byte and needs no Nix.
    """
    name = run.agent.name
    tree = run.folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    applied(name).export(commit, tree)
    driver = initial.is_initial((tree / "agent.nix").read_bytes(), name)
    if driver is not None:
        return Evaluation(options=options.parse({"driver": driver}, default_driver=driver), ignored=[])
    text = str(privileged.call("evaluate", job_id=run.job.pk))
    return evaluate.parse(text, default_driver=default_driver())


def build(run: Run, commit: str) -> Evaluation:
    """Everything a switch to this commit needs, made from a copy: neither the agent nor the meta flake changes.

    Raises `EvaluationFailed` or `EvaluatorMissing`.
    """
    run.log("Evaluating agent.nix.")
    evaluation = evaluated(run, commit)
    run.log("Composing its part of the meta flake in a copy.")
    _staged(run, run.agent.name, commit)
    return evaluation


def meta_lock() -> bytes:
    """The lock of the meta flake's inputs as it stands in git; empty where there is none."""
    repository = meta_repository()
    commit = repository.main()
    try:
        return repository.read_file(commit, lock.NAME) if commit is not None else b""
    except NotInCommit:
        return b""


def newer_lock(run: Run) -> bytes:
    """The lock that the meta flake would get if its inputs were taken anew. Raises `LockFailed`."""
    staged = meta.stage_all(settings.HIVE_PATHS.meta, run.folder, hyperhive_url=settings.HIVE_FLAKE)
    run.log("Asking for the newest inputs.")
    return lock.renewed(staged, run.folder / "nix", run.log)


def try_lock(run: Run, text: bytes) -> None:
    """Check in a copy that the agents can be had with this lock; built where this hive builds. Raises `LockFailed`."""
    staged = meta.stage_all(settings.HIVE_PATHS.meta, run.folder, hyperhive_url=settings.HIVE_FLAKE, lock=text)
    lock.check(staged, run.folder / "nix", run.log, build=settings.HIVE_BACKEND == "nixos")


def adopt_lock(run: Run, text: bytes, message: str) -> str:
    """Make this lock the meta flake's and return the commit; again is success."""
    return meta.adopt_lock(settings.HIVE_PATHS.meta, run.folder, text, message, hyperhive_url=settings.HIVE_FLAKE)


def rebuilt(run: Run, deployment: Deployment) -> Deployment:
    """Evaluate the deployed commit again and bring the wrapper up to date; the commit stays the same."""
    run.log(f"Evaluating agent.nix of {deployment.commit[:12]}.")
    try:
        evaluation = evaluated(run, deployment.commit)
    except (evaluate.EvaluationFailed, evaluate.EvaluatorMissing) as failure:
        raise JobFailed(str(failure)) from failure
    deployment.options, deployment.ignored = evaluation.options, evaluation.ignored
    deployment.save(update_fields=["options", "ignored"])
    adopt(run, run.agent, deployment.commit)
    return deployment


def adopt(run: Run, agent: Agent, commit: str) -> None:
    """Write the agent's wrapper and tree into the meta flake: it changes only when a deploy succeeded."""
    staged = _staged(run, agent.name, commit)
    meta.adopt(settings.HIVE_PATHS.meta, staged, f"{agent.name}: {commit}")


def _staged(run: Run, name: str, commit: str) -> meta.Staged:
    tree = run.folder / "meta-tree"
    shutil.rmtree(tree, ignore_errors=True)
    applied(name).export(commit, tree)
    return meta.stage(
        settings.HIVE_PATHS.meta,
        run.folder,
        name,
        tree,
        dashboard_port=settings.HIVE_PORT,
        hyperhive_url=settings.HIVE_FLAKE,
    )


def forget(run: Run, agent: Agent) -> None:
    """Take the agent out of the meta flake."""
    meta.remove(settings.HIVE_PATHS.meta, run.folder, agent.name, hyperhive_url=settings.HIVE_FLAKE)


def purge(name: str) -> None:
    """Remove the applied repository, recordings and the container's log, inside the state root or not at all."""
    paths = settings.HIVE_PATHS
    for folder in (paths.applied(name), paths.recordings(name)):
        if folder.exists():
            shutil.rmtree(inside(paths.state, folder))
    log: Path = paths.container_log(name)
    for file in log.parent.glob(f"{log.name}*"):
        file.unlink()
