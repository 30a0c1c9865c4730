"""git runs programs by many options, by configuration and by aliases: which of its words must be written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

KNOWN = frozenset(
    [
        "add",
        "am",
        "annotate",
        "apply",
        "archive",
        "blame",
        "branch",
        "bundle",
        "cat-file",
        "check-attr",
        "check-ignore",
        "check-ref-format",
        "checkout",
        "checkout-index",
        "cherry",
        "cherry-pick",
        "clean",
        "clone",
        "commit",
        "commit-graph",
        "commit-tree",
        "count-objects",
        "describe",
        "diff",
        "diff-files",
        "diff-index",
        "diff-tree",
        "fast-export",
        "fetch",
        "for-each-ref",
        "format-patch",
        "fsck",
        "gc",
        "grep",
        "hash-object",
        "init",
        "log",
        "ls-files",
        "ls-remote",
        "ls-tree",
        "merge",
        "merge-base",
        "merge-file",
        "merge-tree",
        "mktag",
        "mktree",
        "mv",
        "name-rev",
        "notes",
        "prune",
        "pull",
        "push",
        "range-diff",
        "read-tree",
        "rebase",
        "reflog",
        "remote",
        "repack",
        "replace",
        "rerere",
        "reset",
        "restore",
        "rev-list",
        "rev-parse",
        "revert",
        "rm",
        "shortlog",
        "show",
        "show-branch",
        "show-ref",
        "sparse-checkout",
        "stash",
        "status",
        "stripspace",
        "switch",
        "symbolic-ref",
        "tag",
        "update-index",
        "update-ref",
        "verify-commit",
        "verify-pack",
        "verify-tag",
        "version",
        "whatchanged",
        "worktree",
        "write-tree",
    ]
)
"""Commands of git itself that start nothing but git, its hooks and its transports; anything else may be an alias."""
GLOBAL = ("--no-pager", "--no-optional-locks", "--literal-pathspecs", "--no-replace-objects", "--bare", "--version")
GLOBAL_VALUED = ("-C",)
SHARP_VALUED = ("-c", "--config-env", "--git-dir", "--work-tree", "--namespace", "--attr-source")
LONG = ("upload-pack", "receive-pack", "exec", "ext-diff", "open-files-in-pager", "template", "config", "textconv")
LONG += ("reference", "separate-git-dir", "git-dir", "work-tree", "extcmd", "output", "output-directory", "edit")
LONG += (
    "config-env",
    "exec-path",
    "strategy",
    "remote",
    "interactive",
    "gpg-sign",
    "local-user",
    "sign",
    "server-option",
)
SHORT = {
    "clone": "uc",
    "fetch": "u",
    "pull": "s",
    "merge": "s",
    "ls-remote": "u",
    "fetch-pack": "u",
    "rebase": "xis",
    "grep": "O",
    "init": "",
    "cherry-pick": "e",
    "format-patch": "o",
    "archive": "o",
    "revert": "e",
}


def sharp(words: Sequence[str]) -> set[int]:
    """Indices in a vector that begins with git."""
    place = 1
    found: set[int] = set()
    while place < len(words) and words[place].startswith(("-", "\0")):
        if words[place] in SHARP_VALUED:
            found |= {place, place + 1} & set(range(len(words)))
        if words[place] in (*GLOBAL_VALUED, *SHARP_VALUED):
            place += 1
        elif words[place] not in GLOBAL:
            found.add(place)
        place += 1
    if place >= len(words):
        return found
    command = words[place]
    if command not in KNOWN:
        return set(range(1, len(words)))
    return found | set(_in_command(words, place, SHORT.get(command, "")))


def messages(words: Sequence[str]) -> set[int]:
    """Indices of texts after -m, which are never options."""
    if len(words) < 2 or words[1] not in ("commit", "tag", "merge"):
        return set()
    return {at + 1 for at, word in enumerate(words) if word in ("-m", "-am")}


def _in_command(words: Sequence[str], place: int, letters: str) -> Iterator[int]:
    for at in range(place + 1, len(words)):
        word = words[at]
        name = word[2:].partition("=")[0].partition("\0")[0]
        if (word.startswith("--") and name and any(long.startswith(name) for long in LONG)) or (
            word.startswith("-") and not word.startswith("--") and any(letter in letters for letter in word[1:])
        ):
            yield at
        elif word.startswith(("ext::", "fd::")) or "::" in word.partition("/")[0]:
            yield at  # a transport that is a program of its own
