"""Patterns as an operator might write them, for the lists of attacks and of honest commands."""

from __future__ import annotations

from agents.harness.bash.guard.check import Guard

HOME = "/home/alice"
EXPORTED = frozenset({"PATH", "HOME", "LANG", "USER", "HTTP_PROXY", "http_proxy"})
SENSIBLE = (
    "awk '{print $1}' **",
    "basename *",
    "cat **",
    "cd *",
    "chmod +x *",
    "cp **",
    "curl **",
    "cut **",
    "date **",
    "diff **",
    "du **",
    "echo **",
    "env",
    "env **",
    "false",
    "fd **",
    "file **",
    "find **",
    "git **",
    "grep **",
    "head **",
    "jq **",
    "ls **",
    "make **",
    "mkdir **",
    "mv **",
    "nice **",
    "node --version",
    "npm run *",
    "npm test",
    "ping -c 1 *",
    "printf **",
    "pwd",
    "python3 -m pytest **",
    "python3 tools/check.py **",
    "python3 --version",
    "rg **",
    "rsync **",
    "ruff **",
    "sed **",
    "sleep *",
    "sort **",
    "stat **",
    "tail **",
    "tar **",
    "test **",
    "[ **",
    "timeout **",
    "touch **",
    "tr **",
    "tree **",
    "true",
    "uniq **",
    "wc **",
    "which *",
    "xargs **",
    "zip **",
    "LC_ALL=* sort **",
    "> out/*",
    "< in/*",
)


def guard(*patterns: str) -> Guard:
    return Guard(patterns or SENSIBLE, home=HOME, exported=EXPORTED)
