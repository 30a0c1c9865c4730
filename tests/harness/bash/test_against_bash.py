"""What a real bash starts, compared with what the guard has allowed: programs that write down how they were called.

Scripts are made of pieces that shells and guards have disagreed about. Every script that passes is run twice, as it was
written and as the guard writes it anew; both must start the same programs with the same words, and each of them must
be allowed by a matcher of this file's own.
"""

from __future__ import annotations

import fnmatch
import shutil
import subprocess  # noqa: TID251 - the real bash
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.harness.bash.guard.check import Guard
from agents.harness.bash.guard.refused import Refused

PROGRAMS = ("see", "list", "tell", "git", "evil", "sh", "timeout", "env")
ALLOWED = ("see **", "list -l *", "tell x*", "git status", "env **", "timeout * **", "> out/*")
BASH = shutil.which("bash") or "bash"

_quoting = st.sampled_from(["{}", "'{}'", '"{}"', "\"{}\"''", "\\{}", "x'{}'", "$'{}'", '{}"$v"', "{}*", "~/{}"])
_plain = st.sampled_from(
    ["a", "-l", "x1", "evil", "status", ";", "a b", "$v", "$(evil)", "`evil`", "#", "*", "{a,b}", "\\", ""]
)
_word = st.builds(lambda form, text: form.replace("{}", text), _quoting, _plain) | _plain
_name = st.sampled_from(
    [*PROGRAMS, "s'e'e", "ev\\il", '"see"', "$v", "e\\\nvil", "!", "v=1 see", "evil=1", "<in/x see", "time see"]
)
_simple = st.builds(lambda name, words: " ".join([name, *words]), _name, st.lists(_word, max_size=3))
_redirect = st.sampled_from(
    [
        "",
        "",
        " > out/f",
        " 2>&1",
        " > evil",
        " <<< evil",
        " <<'E'\nevil\nE\n",
        " <<E\n$(evil)\nE\n",
        " | evil",
        " # evil",
    ]
)


FORMS = (
    *("{0}; {1}", "{0} && {1}", "{0} || {1}", "{0} | {1}", "{0}\n{1}", "( {0} )", "{{ {0}; }}", "see $({0})"),
    *('see "$({0})"', "if {0}; then {1}; fi", "for v in a b; do {0}; done", "! {0}", "see <({0})", "{0} \\\n {1}"),
    *("timeout 1 {0}", "env {0}", "v=$({0}); {1}", "{0} & {1}", "see '{0}' {1}", "{0}{1}"),
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    forms = st.sampled_from(FORMS)
    return st.builds(lambda form, one, two: form.format(one, two), forms, inner, inner)


SCRIPTS = st.builds(lambda one, end: one + end, st.recursive(_simple, _combined, max_leaves=4), _redirect)


class Stage:
    """A folder with the programs, and what they have written down."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.record = folder, folder / "record"
        (folder / "out").mkdir()
        (folder / "in").mkdir()
        (folder / "in/x").write_text("x\n")
        (folder / "bin").mkdir()
        for name in PROGRAMS:
            program = folder / "bin" / name
            after = {"env": 'exec "$@"', "timeout": 'shift; exec "$@"'}.get(name, "")
            program.write_text(
                f'#!{BASH}\nprintf "%s\\0" {name} "$@" $\'\\1\' >> {self.record}\n[ $# = 0 ] || {after or ":"}\n'
            )
            program.chmod(0o755)

    def played(self, script: str) -> list[tuple[str, ...]]:
        self.record.write_bytes(b"")
        env = {"PATH": str(self.folder / "bin"), "HOME": str(self.folder), "v": "w"}
        subprocess.run(
            [BASH, "--norc", "--noprofile", "-p", "-c", script], cwd=self.folder, env=env, timeout=60, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        calls = self.record.read_bytes().decode().split("\0\1\0")[:-1]
        return sorted(tuple(call.split("\0")) for call in calls)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


def is_allowed(call: tuple[str, ...]) -> bool:
    """An own reading of ALLOWED, for words that are known."""
    return any(_covers(pattern.split(), list(call)) for pattern in ALLOWED)


def _covers(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "**":
        return any(_covers(pattern[1:], words[at:]) for at in range(len(words) + 1))
    return bool(words) and fnmatch.fnmatchcase(words[0], pattern[0]) and _covers(pattern[1:], words[1:])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=SCRIPTS)
def test_bash_starts_what_was_allowed_and_nothing_else(stage: Stage, script: str) -> None:
    guard = Guard(ALLOWED, home=str(stage.folder), exported={"PATH", "HOME"})
    try:
        rewritten = guard.checked(script)
    except Refused:
        return
    # A process in <(…) may be killed before it has written anything down: only its presence is not compared.
    calls = stage.played(rewritten)
    assert [call for call in calls if not is_allowed(call)] == []
    if "<(" not in script:
        assert calls == stage.played(script)


@pytest.mark.parametrize(
    "script", ["see a; list -l b", "v=1; see $v", "see $(list -l x)", "timeout 1 see", "see *", "see ~/x"]
)
def test_the_comparison_sees_what_runs(stage: Stage, script: str) -> None:
    guard = Guard(ALLOWED, home=str(stage.folder), exported={"PATH", "HOME"})
    calls = stage.played(guard.checked(script))
    assert calls
    assert calls == stage.played(script)


def test_a_program_that_is_not_allowed_would_be_noticed(stage: Stage) -> None:
    assert [call for call in stage.played("see a; evil b") if not is_allowed(call)] == [("evil", "b")]
