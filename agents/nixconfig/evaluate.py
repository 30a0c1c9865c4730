"""agent.nix → the `hyperhive.*` options, by `nix-instantiate` in a sandbox of its own.

`evaluate_tree` is the part that needs a sandbox (the privileged helper runs it); it answers with JSON whatever
happens. `parse` turns that answer into checked options, or into the exception that tells what was wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import command
from agents.nixconfig import complaints, options
from agents.nixconfig.snapshot import TreeRefused, snapshot
from agents.paths import Paths
from agents.repositories.limits import MEBIBYTE, limited
from agents.sandbox import Bind, Sandbox

EVALUATOR_UID = 1_500_000_000
# Processor time; the clock on the wall is given more, since a busy machine is not the file's fault.
TIMEOUT = 10.0
_WALL_FACTOR = 4
MEMORY = 1536 * MEBIBYTE
MAX_OUTPUT = MEBIBYTE
_SOURCES = Path(__file__).resolve().parents[2] / "nix" / "evaluate"
_TREE, _EVALUATOR = "/tree", "/evaluator"
_MORE_PATHS = "/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin"
_MISSING = "there is no Nix on this machine, so agent.nix cannot be evaluated: install nix-bin (apt install nix-bin)"
_FOLDED_DEPTH, _OPENED_DEPTH = "1", "2"


class EvaluationFailed(Exception):
    """agent.nix says something that it cannot say; the text is for the one who wrote it."""


class EvaluatorMissing(Exception):
    """There is no `nix-instantiate` on this machine."""


@dataclass(frozen=True)
class Evaluation:
    """`options`: every option, dotted name → value. `ignored`: names of settings that have no effect here."""

    options: dict[str, Any]
    ignored: list[str]


def evaluate_tree(paths: Paths, job_id: int, *, driver: str = "scripted") -> str:
    """Evaluate `agent.nix` of the tree that the job exported to its folder `tree`; the answer is for `parse`.

    `driver` is what `config.hyperhive.driver` reads where the file does not say.
    """
    program = evaluator()
    if program is None:
        return json.dumps({"missing": _MISSING})
    with tempfile.TemporaryDirectory(prefix="hyperhive-evaluate-") as scratch:
        try:
            tree = paths.job(job_id) / "tree"
            snapshot(paths.state, str(tree.relative_to(paths.state)), Path(scratch, "tree"))
            snapshot(_SOURCES, ".", Path(scratch, "evaluator"))
        except (TreeRefused, OSError) as error:
            return json.dumps({"error": f"the files cannot be evaluated: {error}"})
        return _evaluated(Path(scratch), program, driver)


def evaluator() -> str | None:
    """Path of `nix-instantiate`, with links in its folder resolved: they may lead nowhere in the sandbox."""
    found = shutil.which("nix-instantiate", path=f"{command.clean_environment()['PATH']}:{_MORE_PATHS}")
    return None if found is None else os.path.join(os.path.realpath(os.path.dirname(found)), "nix-instantiate")


def parse(text: str, *, default_driver: str) -> Evaluation:
    """What `evaluate_tree` answered, checked.

    Raises `EvaluationFailed`, `EvaluatorMissing`.
    """
    answer = json.loads(text)
    if "missing" in answer:
        raise EvaluatorMissing(answer["missing"])
    if "error" in answer:
        raise EvaluationFailed(answer["error"])
    raw = dict(answer["options"])
    try:
        values = options.parse({**raw, **dict.fromkeys(answer["unknown"])}, default_driver=default_driver)
    except options.OptionError as error:
        raise EvaluationFailed(str(error)) from error
    return Evaluation(values, [*options.without_effect(raw), *answer["ignored"]])


def _evaluated(scratch: Path, program: str, driver: str) -> str:
    """Names of settings without effect are worth a look into them, but not a failure."""
    try:
        return _run(scratch, program, driver, _OPENED_DEPTH)
    except command.CommandFailed as error:
        timed_out = isinstance(error, command.CommandTimedOut)
        if timed_out or complaints.readable(error.code, error.stderr) == complaints.TOO_LONG:
            return json.dumps({"error": complaints.TOO_LONG})
    try:
        return _run(scratch, program, driver, _FOLDED_DEPTH)
    except command.CommandFailed as error:
        return json.dumps({"error": complaints.readable(error.code, error.stderr)})


def _run(scratch: Path, program: str, driver: str, depth: str) -> str:
    binds = (Bind(scratch / "tree", _TREE), Bind(scratch / "evaluator", _EVALUATOR))
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 -- the sandbox's own
        "LC_ALL": "C.UTF-8",
        "NIX_CONFIG": "experimental-features =",
        "NIX_STATE_DIR": "/tmp/nix",  # noqa: S108
    }
    sandbox = Sandbox(uid=EVALUATOR_UID, binds=binds, env=env, cwd=_TREE)
    limits = limited(memory=MEMORY, seconds=TIMEOUT, file_size=MEBIBYTE)
    argv = sandbox.argv([*limits, program, *_arguments(driver, depth)])
    return command.run(argv, timeout=_WALL_FACTOR * TIMEOUT, max_output=MAX_OUTPUT).stdout.decode()


def _arguments(driver: str, depth: str) -> list[str]:
    words = ["--eval", "--strict", "--json", "--store", "dummy://", f"{_EVALUATOR}/default.nix"]
    for name, value in (("restrict-eval", "true"), ("allow-import-from-derivation", "false")):
        words += ["--option", name, value]
    for folder in (_TREE, _EVALUATOR):
        words += ["-I", f"hive={folder}"]
    for name, value in (("tree", _TREE), ("defaults", json.dumps(options.defaults(driver))), ("depth", depth)):
        words += ["--argstr", name, value]
    return words
