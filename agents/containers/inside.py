"""What an agent finds inside its container: folders, files of its own, environment, command."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import agents
from agents.containers.claude import find_claude, needs
from agents.containers.protocol import ContainerSpec
from agents.naming import container_name, display, git_identity, host_uid, is_manager, web_port
from agents.paths import Paths
from agents.sandbox import SYSTEM_FOLDERS, Bind, Sandbox

INFO_FD, BLOCK_FD, ENVIRONMENT_FD, SCREEN_FD = 3, 4, 5, 6
"""The descriptors that the shim hands to the launcher; only the last, where there is a screen, reaches the harness."""

TOOLS = "/opt/hive/bin"
SCREEN_NOTE = "/etc/hyperhive"
"""Where the harness writes down that there is a screen."""
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

# Variables come by a descriptor and are set last, when the program is already the agent's user: on a command line
# everybody could read them, and LD_PRELOAD would act on what still has privileges. /run/hive was bound by its path,
# below a folder that web and worker may write: it must be the folder that was checked.
_ENTER = (
    'if [ "$(stat -c %d:%i /run/hive)" != "$1" ]; then echo "hyperhive: /run/hive was exchanged" >&2; exit 126; fi; '
    'shift && e=$(cat <&5) && exec 3<&- 4<&- 5<&- && eval "$e" && unset e && exec "$@"'
)


def enter(command: Sequence[str], runtime: os.stat_result) -> list[str]:
    """The command that takes its environment from `ENVIRONMENT_FD`, closes what is open and becomes `command`.

    `runtime` is the folder that must be at `/run/hive`.
    """
    return ["sh", "-c", _ENTER, "sh", f"{runtime.st_dev}:{runtime.st_ino}", *command]


def harness_command() -> list[str]:
    return [sys.executable, "-m", "agents.harness"]


def sandbox(paths: Paths, spec: ContainerSpec, files: Mapping[str, Path], scratch_size: int | None) -> Sandbox:
    """The agent's sandbox; `files` are texts of the host, by their path inside."""
    name = spec.name
    home = f"/home/{name}"
    binds = [*_program(), *(_claude() if spec.driver == "claude" else []), *_folders(paths, spec)]
    binds += [Bind(source, target) for target, source in files.items()]
    claude = find_claude() if spec.driver == "claude" else None
    links = {f"{TOOLS}/{tool.name}": str(tool) for tool in _tools(claude)}
    if claude is not None:
        links[f"{TOOLS}/claude"] = str(claude.resolve())
    descriptors = ("--info-fd", str(INFO_FD), "--block-fd", str(BLOCK_FD))
    return Sandbox(
        uid=host_uid(name),
        binds=tuple(binds),
        env={"PATH": SYSTEM_PATH},
        cwd=home,
        network="host" if spec.network == "host" else "none",
        scratch=(home, *([SCREEN_NOTE] if spec.gui else [])),
        scratch_size=scratch_size,
        links=links,
        options=("--remount-ro", "/", "--hostname", container_name(name), *descriptors),
    )


def environment(spec: ContainerSpec) -> dict[str, str]:
    """All variables of the agent's programs. The caller's come last, but never replace who the agent is."""
    name = spec.name
    author, email = git_identity(name)
    fixed = {
        "HOME": f"/home/{name}",
        "USER": name,
        "LOGNAME": name,
        "HIVE_PORT": str(web_port(name)),
        "HIVE_LABEL": name,
        "HYPERHIVE_STATE_DIR": f"/agents/{name}/state",
        "CLAUDE_CONFIG_DIR": f"/home/{name}/.claude",
        "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": author,
        "GIT_COMMITTER_EMAIL": email,
    }
    if spec.gui:
        fixed |= {"DISPLAY": f":{display(name)}", "HIVE_SCREEN_FD": str(SCREEN_FD)}
    path = f"{SYSTEM_PATH}:{sys.prefix}/bin:{TOOLS}"
    return {"LANG": "C.UTF-8", "PATH": path, **spec.environment, **fixed}


def _folders(paths: Paths, spec: ContainerSpec) -> list[Bind]:
    name, manager = spec.name, is_manager(spec.name)
    binds = [
        Bind(paths.credentials(name), f"/home/{name}/.claude", writable=True),
        Bind(paths.notes(name), f"/agents/{name}/state", writable=True),
        Bind(paths.proposed(name), f"/agents/{name}/config", writable=manager),
        Bind(paths.shared, "/shared"),
        Bind(paths.shared / name, f"/shared/{name}", writable=True),
        Bind(paths.agent_runtime(name), "/run/hive"),
        Bind(paths.secrets(name), "/run/secrets"),
    ]
    for child in spec.children:
        if paths.agent(child).is_dir():
            binds.append(Bind(paths.proposed(child), f"/agents/{child}/config", writable=True))
            binds.append(Bind(paths.notes(child), f"/agents/{child}/state", writable=True))
    return binds


def _program() -> list[Bind]:
    """The interpreter, the installed packages, and of the hive's own code only the harness."""
    package = Path(agents.__file__).parent
    wanted = [Path(sys.base_prefix), Path(sys.base_prefix).resolve(), Path(os.path.realpath(sys.executable)).parents[1]]
    wanted += [Path(sys.prefix), package / "__init__.py", package / "harness"]
    return [Bind(path, str(path)) for path in dict.fromkeys(wanted) if path.exists() and not _in_system(path)]


def _claude() -> list[Bind]:
    program = find_claude()
    found = [] if program is None else list(needs(program))
    return [Bind(path, str(path)) for path in found if not _in_system(path) and not path.is_relative_to(sys.prefix)]


def _tools(claude: Path | None) -> list[Path]:
    """`node`, where the command line is an npm package and node lies in somebody's home."""
    if claude is None or len(needs(claude)) < 2 or shutil.which("node", path=SYSTEM_PATH):
        return []
    return [needs(claude)[1]]


def _in_system(path: Path) -> bool:
    return any(path.is_relative_to(Path("/", folder)) for folder in SYSTEM_FOLDERS) or path.is_relative_to("/nix/store")
