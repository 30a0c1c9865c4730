"""The pattern language, word by word."""

from __future__ import annotations

import pytest

from agents.harness.bash.guard.patterns import BadPattern, parse
from agents.harness.bash.guard.refused import Refused
from tests.harness.bash.shells import guard


@pytest.mark.parametrize(
    ("pattern", "command", "allowed"),
    [
        ("git status", "git status", True),
        ("git status", "git status -s", False),
        ("git status", "git", False),
        ("git log *", "git log -1", True),
        ("git log *", "git log", False),
        ("git log *", "git log -1 HEAD", False),
        ("git log **", "git log", True),
        ("git log **", "git log -1 HEAD", True),
        ("ls -?", "ls -l", True),
        ("ls -?", "ls -la", False),
        ("cat notes/*.md", "cat notes/a/b.md", True),
        ("cat notes/*.md", "cat notes.md", False),
        ("echo 'a  b'", "echo 'a  b'", True),
        ("echo 'a  b'", "echo a b", False),
        ("echo '*'", "echo '*'", True),
        ("echo '*'", "echo x", False),
        (r"echo \*", "echo '*'", True),
        ("cp ** /backup", "cp a b /backup", True),
        ("cp ** /backup", "cp a b /elsewhere", False),
        ("ls *", 'ls "$HOME"', True),
        ("ls a?", 'ls a"$HOME"', False),
        ("ls a*", 'ls a"$HOME"', True),
        ("ls a*", 'ls "$HOME"', False),
        ("ls *", "ls $HOME", False),
        ("ls *", "ls *.py", False),
        ("ls **", "ls *.py", True),
        ("LC_ALL=* sort **", "LC_ALL=C sort x", True),
        ("LC_ALL=* sort **", "sort x", False),
        ("sort **", "LC_ALL=C sort x", False),
        ("git -c core.pager=cat log **", "git -c core.pager=cat log -1", True),
        ("git -c core.pager=cat log **", "git -c core.pager=id log -1", False),
        ("find ** -delete", "find . -name x -delete", True),
        ("sh tools/run.sh **", "sh tools/run.sh a b", True),
        ("bash -c 'make test'", "bash -c 'make test'", True),
        ("bash -c *", "bash -c 'make test'", False),
        ("docker ps", "docker ps", True),
        ("docker ps *", "docker ps -a", False),
    ],
)
def test_a_pattern_means(pattern: str, command: str, allowed: bool) -> None:
    if allowed:
        guard(pattern).checked(command)
    else:
        with pytest.raises(Refused):
            guard(pattern).checked(command)


@pytest.mark.parametrize(
    "pattern", ["", "*", "**", "* status", "g* status", "'open", "a\nb", "> a b", "> **", "A=1", "x" * 3000]
)
def test_a_pattern_that_would_allow_too_much_or_says_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        parse(pattern)


def test_redirections_have_patterns_of_their_own() -> None:
    some = guard("ls", "> out/*", "< in/*")
    some.checked("ls > out/a/b 2>> out/c < in/x 2>&1")
    for command in ("ls > in/x", "ls < out/x", "ls > /out/x", "ls > out/../x", 'ls > "out/$x"', "ls > out/*"):
        with pytest.raises(Refused):
            some.checked(command)


def test_nothing_is_allowed_by_an_empty_list() -> None:
    from agents.harness.bash.guard.check import Guard

    with pytest.raises(Refused):
        Guard([], home="/home/alice").checked("true")


def test_a_wrapped_command_needs_both_patterns() -> None:
    with pytest.raises(Refused):
        guard("timeout **").checked("timeout 5 make")
    with pytest.raises(Refused):
        guard("make").checked("timeout 5 make")
    guard("timeout **", "make").checked("timeout 5 make")


def test_a_refusal_names_the_part_and_what_to_do() -> None:
    with pytest.raises(Refused, match=r"refused: 'id -u': no pattern of hyperhive\.allowedBashPatterns allows"):
        guard("ls **").checked("ls && id -u")
    with pytest.raises(Refused, match=r"--output=x must be spelt out in one, no wildcard stands for it"):
        guard("git **").checked("git log --output=x")
    with pytest.raises(Refused, match=r"put it after -- or begin it with \./"):
        guard("tar **").checked("tar cf x.tar *")
