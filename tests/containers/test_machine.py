"""What the machine allows, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agents.containers import capabilities, claude, etc


def test_here_agents_can_run() -> None:
    assert capabilities.probe().works


def test_a_missing_bubblewrap_is_said(without: Callable[..., None]) -> None:
    without("bwrap")
    report = capabilities.probe()
    assert report.works
    assert any("apt install bubblewrap" in line for line in report.missing)


@pytest.mark.parametrize(
    ("file", "value"),
    [
        ("kernel/unprivileged_userns_clone", "0"),
        ("user/max_user_namespaces", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ],
)
def test_the_setting_in_the_way_is_named(tmp_path: Path, file: str, value: str) -> None:
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(f"{value}\n")
    line = capabilities.obstacle(tmp_path)
    assert line is not None
    assert f"{file.replace('/', '.')}={value}" in line
    assert "\n" not in line


def test_no_setting_is_in_the_way(tmp_path: Path) -> None:
    assert capabilities.obstacle(tmp_path) is None


def test_only_name_servers_that_can_be_reached_are_passed_on(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\nnameserver ::1\noptions edns0\n")
    real.write_text("# from DHCP\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver nonsense\n")
    assert etc.nameservers("veth", (stub, real)) == ["192.0.2.53"]
    assert etc.nameservers("host", (stub, real)) == ["127.0.0.53", "::1"]
    assert etc.nameservers("pasta", (stub, tmp_path / "none")) == []


def test_the_command_line_of_claude_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert claude.find_claude() == program
    program.unlink()
    found = claude.find_claude()
    assert found is None or found.parent.name == "_bundled"


def test_an_npm_package_is_bound_whole(tmp_path: Path) -> None:
    package = tmp_path / "lib/node_modules/claude-code"
    package.mkdir(parents=True)
    (package / "package.json").write_text("{}")
    (package / "cli.js").write_text("")
    (tmp_path / "claude").symlink_to(package / "cli.js")
    assert claude.needs(tmp_path / "claude")[0] == package
