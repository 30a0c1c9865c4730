"""Words that no wildcard of a pattern covers: by them a program runs something else, or writes where it should not.

The operator may still allow such a word by writing it out in the pattern. The list is long and cannot be whole: it
is a guard rail, and the sandbox is what holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agents.harness.bash.guard import gitwords, sedwords
from agents.harness.bash.guard.patterns import UNKNOWN
from agents.harness.bash.guard.words import Word

Vector = Sequence[Word]

NEVER = frozenset(
    [
        "eval",
        ".",
        "source",
        "exec",
        "alias",
        "unalias",
        "trap",
        "builtin",
        "enable",
        "hash",
        "declare",
        "typeset",
        "local",
        "export",
        "readonly",
        "unset",
        "set",
        "shopt",
        "let",
        "read",
        "mapfile",
        "readarray",
        "getopts",
        "coproc",
        "bind",
        "complete",
        "compgen",
        "compopt",
        "fc",
        "history",
        "wait",
        "shift",
        "caller",
        "disown",
        "bg",
        "fg",
        "pushd",
        "popd",
        "dirs",
        "ulimit",
        "umask",
        "suspend",
        "logout",
        "return",
        "times",
        "function",
        "select",
        "case",
        "[[",
        "((",
    ]
)
"""Words of the shell itself that change what later words mean, or evaluate text."""

INTERPRETERS = frozenset(
    [
        "sh",
        "bash",
        "dash",
        "zsh",
        "ksh",
        "mksh",
        "fish",
        "csh",
        "tcsh",
        "ash",
        "rbash",
        "python",
        "python2",
        "python3",
        "pypy",
        "pypy3",
        "perl",
        "ruby",
        "node",
        "nodejs",
        "deno",
        "bun",
        "php",
        "lua",
        "luajit",
        "tclsh",
        "wish",
        "expect",
        "guile",
        "racket",
        "Rscript",
        "R",
        "julia",
        "ghci",
        "runghc",
        "erl",
        "elixir",
        "iex",
        "groovy",
        "scala",
        "jshell",
        "awk",
        "gawk",
        "mawk",
        "nawk",
        "original-awk",
        "m4",
        "bc",
        "dc",
        "gnuplot",
        "octave",
        "ts-node",
        "tsx",
        "pwsh",
        "ipython",
        "jrunscript",
        "java",
    ]
)
"""They run the text that they are given: everything up to their script, and the script, is written out."""
OPAQUE = frozenset(
    [
        "sudo",
        "doas",
        "su",
        "runuser",
        "run0",
        "pkexec",
        "chroot",
        "unshare",
        "nsenter",
        "setpriv",
        "systemd-run",
        "systemd-nspawn",
        "machinectl",
        "bwrap",
        "flock",
        "watch",
        "parallel",
        "script",
        "scriptreplay",
        "strace",
        "ltrace",
        "gdb",
        "lldb",
        "valgrind",
        "perf",
        "rlwrap",
        "unbuffer",
        "xvfb-run",
        "dbus-run-session",
        "busybox",
        "toybox",
        "entr",
        "nc",
        "ncat",
        "netcat",
        "socat",
        "telnet",
        "ssh",
        "sftp",
        "scp",
        "mosh",
        "at",
        "batch",
        "crontab",
        "start-stop-daemon",
        "runcon",
        "taskset",
        "chrt",
        "numactl",
        "prlimit",
        "cpulimit",
        "faketime",
        "fakeroot",
        "proot",
        "firejail",
        "screen",
        "tmux",
        "byobu",
        "dtach",
        "vi",
        "vim",
        "nvim",
        "view",
        "rvim",
        "ex",
        "ed",
        "emacs",
        "nano",
        "pico",
        "less",
        "more",
        "most",
        "man",
        "info",
        "pager",
        "lynx",
        "w3m",
        "elinks",
        "mail",
        "mutt",
        "ftp",
        "sqlite3",
        "psql",
        "mysql",
        "mariadb",
        "docker",
        "podman",
        "nerdctl",
        "kubectl",
        "nix",
        "nix-shell",
        "nix-build",
        "nix-env",
        "nix-instantiate",
        "npx",
        "pnpx",
        "bunx",
        "uvx",
        "pipx",
        "ld.so",
        "ld-linux.so.2",
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
        "capsh",
        "setarch",
        "linux32",
        "linux64",
        "i386",
        "x86_64",
        "uname26",
        "choom",
        "coreutils",
        "dmsetup",
        "git-shell",
        "hping3",
        "ispell",
        "joe",
        "jed",
        "mc",
        "nmap",
        "openvpn",
        "pg",
        "rpm",
        "rpmdb",
        "rpmquery",
        "rpmverify",
        "dpkg",
        "apt",
        "apt-get",
        "aptitude",
        "yum",
        "dnf",
        "zypper",
        "pacman",
        "snap",
        "flatpak",
        "gem",
        "bundle",
        "cpan",
        "easy_install",
        "msfconsole",
        "puppet",
        "rake",
        "slsh",
        "ssh-agent",
        "ssh-keygen",
        "sshpass",
        "ssh-add",
        "tcpdump",
        "tshark",
        "torify",
        "torsocks",
        "proxychains",
        "tsocks",
        "vipw",
        "visudo",
        "whiptail",
        "zsoelim",
        "gcore",
        "multitime",
        "hyperfine",
        "xterm",
        "xdg-open",
        "open",
        "run-parts",
        "run-mailcap",
    ]
)
"""They start other programs in ways that are not followed here: the whole command is written out."""

LONG: Mapping[str, tuple[str, ...]] = {
    "tar": ("to-command", "use-compress-program", "checkpoint-action", "rsh-command", "rmt-command", "info-script")
    + ("new-volume-script", "absolute-names"),
    "rsync": ("rsh", "rsync-path", "daemon", "config"),
    "sort": ("compress-program", "output", "files0-from", "temporary-directory"),
    "split": ("filter",),
    "zip": ("unzip-command", "test"),
    "rg": ("pre", "hostname-bin"),
    "bat": ("pager",),
    "ag": ("pager",),
    "ack": ("pager", "ackrc"),
    "make": ("eval", "file", "makefile", "include-dir"),
    "curl": ("config", "output", "remote-name", "output-dir", "dump-header", "cookie-jar", "trace", "stderr", "engine")
    + ("remote-name-all", "trace-ascii", "libcurl", "hsts", "alt-svc", "etag-save", "proto-default"),
    "wget": ("use-askpass", "config", "execute", "output-document", "output-file", "input-file", "directory-prefix")
    + ("append-output", "rejected-log", "warc-file", "save-cookies"),
    "npm": ("script-shell", "node-options", "shell", "git", "prefix", "globalconfig", "userconfig", "call", "editor")
    + ("init-module",),
    "cargo": ("config",),
    "go": ("exec", "toolexec", "vettool", "overlay"),
    "gcc": ("specs", "wrapper"),
    "pytest": ("pdbcls", "rootdir", "confcutdir", "config-file", "override-ini"),
    "pip": ("python", "target", "root", "prefix"),
    "date": ("set",),
    "jq": ("from-file",),
    "ip": ("batch",),
    "cpio": ("rsh-command", "to-stdout"),
    "diff": ("paginate",),
    "hg": ("config", "debugger", "config-file"),
    "svn": ("editor-cmd", "diff-cmd", "diff3-cmd", "config-option", "config-dir"),
    "openssl": ("engine", "provider-path"),
    "tox": ("override", "conf"),
    "mypy": ("python-executable", "config-file"),
    "ruff": ("config",),
    "eslint": ("rulesdir", "config", "resolve-plugins-relative-to", "parser", "plugin", "format"),
}
SHORT: Mapping[str, str] = {
    "tar": "IFP",
    "rsync": "e",
    "sort": "oT",
    "zip": "T",
    "make": "fEI",
    "curl": "KoODc",
    "wget": "eOoiPa",
    "npm": "c",
    "gcc": "B",
    "pytest": "pco",
    "jq": "fL",
    "date": "s",
    "ip": "bn",
    "cpio": "I",
    "diff": "l",
    "pip": "t",
    "eslint": "cf",
}
FIND_VALUED = tuple(
    [
        "-name",
        "-iname",
        "-path",
        "-ipath",
        "-wholename",
        "-regex",
        "-type",
        "-size",
        "-mtime",
        "-mmin",
        "-newer",
        "-user",
        "-group",
        "-maxdepth",
    ]
)
WORDS: Mapping[str, tuple[str, ...]] = {
    "find": ("-delete", "-fprint", "-fprint0", "-fprintf", "-fls", "-files0-from"),
    "make": ("*=*",),
    "go": ("-exec*", "-toolexec*", "-vettool*", "-overlay*", "generate", "run", "tool", "env"),
    "gcc": ("-wrapper*", "-specs*", "-fplugin*", "-x", "@*"),
    "cargo": ("install", "+*"),
    "npm": ("exec", "x", "explore", "config", "set", "init", "create", "edit", "install-scripts", "rebuild"),
    "pnpm": ("exec", "dlx", "x", "config", "create"),
    "yarn": ("exec", "dlx", "config", "create", "node"),
    "pip": ("config", "debug", "install", "download", "wheel"),
    "uv": ("run", "tool", "x"),
    "poetry": ("run", "shell", "config"),
    "hg": ("--config*",),
    "ip": ("netns", "vrf"),
    "gh": ("alias", "extension", "api", "codespace", "browse", "auth", "config"),
    "dd": ("of=*",),
    "journalctl": ("--pager*",),
    "cmake": ("-E", "-P", "--build", "-D*"),
}
FAMILIES = {
    "gfind": "find",
    "gtar": "tar",
    "bsdtar": "tar",
    "gsort": "sort",
    "gmake": "make",
    "g++": "gcc",
    "cc": "gcc",
}
FAMILIES |= {
    "c++": "gcc",
    "clang": "gcc",
    "clang++": "gcc",
    "pip3": "pip",
    "ripgrep": "rg",
    "gsed": "sed",
    "py.test": "pytest",
}


@dataclass(frozen=True)
class Sharp:
    """`indices` of the words that must be written out; `exact`: the whole command must be."""

    indices: frozenset[int] = frozenset()
    exact: bool = False


def of(vector: Vector) -> Sharp:
    """`vector` begins with the program, without assignments."""
    base = vector[0].text.rpartition("/")[2]
    name = FAMILIES.get(base, base)
    texts = [word.text for word in vector]
    if name in OPAQUE or name.startswith("ld-linux"):
        return Sharp(frozenset(range(len(vector))), exact=True)
    if is_interpreter(name):
        return _interpreter(name, vector)
    reader = READERS.get(name)
    return Sharp(frozenset(reader(texts) if reader else _of_options(name, texts)))


def is_interpreter(name: str) -> bool:
    return (
        name in INTERPRETERS or re.fullmatch(r"(python|perl|ruby|lua|php|node|tclsh|guile)[0-9.-]+", name) is not None
    )


def _interpreter(name: str, vector: Vector) -> Sharp:
    """Plain flags, then the script or the module: words after it are the script's own."""
    at = 1
    while at < len(vector) and _is_plain_flag(name, vector[at].text):
        at += 1
    if at < len(vector) and vector[at].text == "-m" and name.startswith(("python", "pypy")) and at + 1 < len(vector):
        module = of(vector[at + 1 :])
        indices = frozenset(range(at + 2)) | {index + at + 1 for index in module.indices}
        return Sharp(indices, exact=module.exact)
    if at < len(vector) and not vector[at].text.startswith("-"):
        return Sharp(frozenset(range(at + 1)))
    return Sharp(frozenset(range(len(vector))), exact=True)


def _is_plain_flag(name: str, text: str) -> bool:
    if name.startswith(("python", "pypy")):
        return re.fullmatch(r"-[uBOIEsSq]+", text) is not None
    return name.endswith("awk") and re.fullmatch(r"-F.+", text) is not None


def _of_options(name: str, texts: Sequence[str]) -> set[int]:
    """What is not known yet could become an option, unless it comes after `--`."""
    if not any(name in table for table in (LONG, SHORT, WORDS)):
        return set()
    found = {at for at in range(1, len(texts)) if _is_sharp(name, texts[at])}
    if name in ("tar", "bsdtar") and len(texts) > 1 and any(letter in SHORT["tar"] for letter in texts[1]):
        found |= {1} if not texts[1].startswith("-") else set()
    return found | unknown(texts)


def unknown(texts: Sequence[str]) -> set[int]:
    end = texts.index("--") if "--" in texts else len(texts)
    return {at for at in range(1, end) if texts[at].startswith(UNKNOWN) or re.match(r"--?[^=]*\0", texts[at])}


def _test(texts: Sequence[str]) -> set[int]:
    """`-v` and `-R` evaluate their operand; with a value in an operator's place it is not clear what is tested."""
    words = list(texts[1:-1] if texts[0] == "[" else texts[1:])
    if "-v" not in words and "-R" not in words:
        while len(words) > 1 and words[0] == "!":
            words.pop(0)
        operator = words[0] if len(words) == 2 else words[1] if len(words) == 3 else "-n"
        if len(words) <= 3 and UNKNOWN not in operator:
            return set()
        if not any(UNKNOWN in word for word in words):
            return set()
    return set(range(1, len(texts)))


def _printf(texts: Sequence[str]) -> set[int]:
    return {1} if len(texts) > 1 and texts[1].startswith((UNKNOWN, "-v")) else set()


def _find(texts: Sequence[str]) -> set[int]:
    """A value after an option that takes one is no option."""
    valued = {at + 1 for at, text in enumerate(texts) if text in FIND_VALUED}
    return {at for at in range(1, len(texts)) if _is_sharp("find", texts[at])} | (unknown(texts) - valued)


READERS: Mapping[str, Callable[[Sequence[str]], set[int]]] = {
    "git": lambda texts: gitwords.sharp(texts) | (unknown(texts) - gitwords.messages(texts)),
    "sed": sedwords.sharp,
    "test": _test,
    "[": _test,
    "printf": _printf,
    "find": _find,
}


def _is_sharp(name: str, text: str) -> bool:
    if any(_like(text, rule) for rule in WORDS.get(name, ())):
        return True
    if text.startswith("--") and len(text) > 2:
        return _long(text[2:].partition("=")[0], LONG.get(name, ()))
    letters = SHORT.get(name, "")
    return text.startswith("-") and any(letter in letters for letter in text[1:].partition("=")[0])


def _long(given: str, names: Sequence[str]) -> bool:
    """getopt_long takes any beginning of a name for the name; what is not known yet may be any."""
    return any(name.startswith(given.partition("\0")[0]) for name in names)


def _like(text: str, rule: str) -> bool:
    if rule.startswith("*") and rule.endswith("*"):
        return rule.strip("*") in text
    return text.startswith(rule[:-1]) if rule.endswith("*") else text == rule
