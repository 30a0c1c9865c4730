from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.nixconfig.evaluate import Evaluation, evaluate_tree, parse
from agents.paths import Paths

Evaluate = Callable[..., Evaluation]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "state", tmp_path / "run")


def written(paths: Paths, text: str, files: dict[str, str] | None = None) -> None:
    """The exported tree of job 1."""
    tree = paths.job(1) / "tree"
    for name, content in {"agent.nix": text, **(files or {})}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)


@pytest.fixture
def evaluate(paths: Paths) -> Evaluate:
    """Evaluate an agent.nix (and other files beside it) for real."""

    def evaluated(text: str, files: dict[str, str] | None = None) -> Evaluation:
        written(paths, text, files)
        return parse(evaluate_tree(paths, 1), default_driver="scripted")

    return evaluated


@pytest.fixture
def value(evaluate: Evaluate) -> Callable[..., str]:
    """What an expression gives as hyperhive.instructions, with `config`, `lib` and `pkgs` at hand."""

    def valued(expression: str, files: dict[str, str] | None = None) -> str:
        text = f"{{ config, lib, pkgs, ... }}: {{ hyperhive.instructions = {expression}; }}"
        return json.dumps(evaluate(text, files).options["instructions"])

    return valued
