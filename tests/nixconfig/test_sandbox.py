"""Evaluation is shut in: whatever the language lets through finds nothing to reach."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import command
from agents.nixconfig import evaluate
from agents.nixconfig.evaluate import EvaluationFailed, EvaluatorMissing, evaluate_tree, parse
from agents.nixconfig.initial import initial_agent_nix
from agents.nixconfig.snapshot import snapshot
from agents.paths import Paths
from tests.nixconfig.conftest import written
from tests.repositories.builders import ORDINARY_UID, as_user

PROBE = """#!/bin/sh
echo "uid $(id -u) caps $(grep CapEff /proc/self/status | cut -f2) nnp $(grep NoNewPrivs /proc/self/status | cut -f2)"
echo "net $(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | tr '\\n' ' ')"
echo "root $(ls / | tr '\\n' ' ')"
echo "processes $(ls /proc | grep -c '^[0-9]*$')"
for target in /tree/x /evaluator/x /usr/x /etc/x; do touch $target 2>/dev/null && echo "wrote $target"; done
echo "env $(env | cut -d= -f1 | sort | tr '\\n' ' ')"
"""


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    """A hive and a copy of the evaluator that an ordinary user can read, wherever this clone lies."""
    root = Path(tempfile.mkdtemp(prefix="hive-ordinary-"))
    shutil.copytree(evaluate._SOURCES, root / "evaluator")
    monkeypatch.setattr(evaluate, "_SOURCES", root / "evaluator")
    paths = Paths(root / "state", root / "run")
    written(paths, initial_agent_nix("alice", "claude"))
    root.chmod(0o755)
    yield paths
    shutil.rmtree(root)


def test_what_a_program_in_the_sandbox_finds(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    written(paths, "{ }", {"probe": PROBE})
    scratch = paths.job(1) / "scratch"
    scratch.mkdir()
    snapshot(paths.job(1), "tree", scratch / "tree")
    snapshot(evaluate._SOURCES, ".", scratch / "evaluator")
    monkeypatch.setattr(evaluate, "_arguments", lambda *_: ["/tree/probe"])
    found = dict(line.split(" ", 1) for line in evaluate._run(scratch, "/bin/sh", "scripted", "1").splitlines())
    assert found["uid"].split() == [str(evaluate.EVALUATOR_UID), "caps", "0" * 16, "nnp", "1"]
    assert found["net"].split() == ["lo"]
    assert not {"root", "home", "work", "srv", "mnt"} & set(found["root"].split())
    assert int(found["processes"]) < 10
    assert "wrote" not in found
    assert set(found["env"].split()) <= {"HOME", "LC_ALL", "NIX_CONFIG", "NIX_STATE_DIR", "PATH", "PWD", "_", "SHLVL"}


def test_an_ordinary_user_can_evaluate(ordinary: Paths) -> None:
    def work() -> None:
        answer = parse(evaluate_tree(ordinary, 1), default_driver="scripted")
        assert answer.options["driver"] == "claude"

    as_user(ORDINARY_UID, work)


def test_an_ordinary_users_evaluation_reaches_no_further(ordinary: Paths) -> None:
    written(ordinary, "{ hyperhive.instructions = builtins.readFile /etc/passwd; }")

    def work() -> None:
        with pytest.raises(EvaluationFailed, match="lies outside"):
            parse(evaluate_tree(ordinary, 1), default_driver="scripted")

    as_user(ORDINARY_UID, work)


def test_links_in_the_tree_are_not_followed(paths: Paths) -> None:
    written(paths, "{ }")
    (paths.job(1) / "tree" / "link").symlink_to("/etc/passwd")
    with pytest.raises(EvaluationFailed, match="'link' is no plain file"):
        parse(evaluate_tree(paths, 1), default_driver="scripted")


def test_a_tree_that_is_a_link_is_not_followed(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "agent.nix").write_text("{ }")
    paths.job(1).mkdir(parents=True)
    (paths.job(1) / "tree").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EvaluationFailed, match="cannot be evaluated"):
        parse(evaluate_tree(paths, 1), default_driver="scripted")


def test_a_pipe_in_the_tree_does_not_hang(paths: Paths) -> None:
    written(paths, "{ }")
    os.mkfifo(paths.job(1) / "tree" / "pipe")
    with pytest.raises(EvaluationFailed, match="'pipe' is no plain file"):
        parse(evaluate_tree(paths, 1), default_driver="scripted")


def test_no_tree_at_all(paths: Paths) -> None:
    with pytest.raises(EvaluationFailed, match="cannot be evaluated"):
        parse(evaluate_tree(paths, 1), default_driver="scripted")


def test_a_strict_umask_does_not_matter(paths: Paths) -> None:
    before = os.umask(0o077)
    try:
        written(paths, initial_agent_nix("alice", "claude"))
        assert parse(evaluate_tree(paths, 1), default_driver="scripted").options["driver"] == "claude"
    finally:
        os.umask(before)


def test_nothing_is_left_behind(paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    written(paths, "{ hyperhive.memMax = 1; }")
    evaluate_tree(paths, 1)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_machine_without_nix_says_what_to_install(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "_MORE_PATHS", "/nonexistent")
    monkeypatch.setattr(command, "clean_environment", lambda: {"PATH": "/nonexistent"})
    written(paths, "{ }")
    with pytest.raises(EvaluatorMissing, match="install nix-bin"):
        parse(evaluate_tree(paths, 1), default_driver="scripted")


def test_the_answer_is_json_that_the_parser_checks_again() -> None:
    answer = {"options": {"memoryMax": 5}, "unknown": [], "ignored": []}
    with pytest.raises(EvaluationFailed, match=r"hyperhive\.memoryMax: 5 is not a size"):
        parse(json.dumps(answer), default_driver="scripted")
