from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agents import command
from tests.broker.hive import REPOSITORY, free_port, until
from tests.browser.site import Site
from tests.browser.test_every_page import PHONE, in_both_schemes, width_on_a_phone

NAME = "shelly"


@pytest.fixture(scope="module")
def shelly(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An agent whose harness runs and is connected."""
    notes = tmp_path_factory.mktemp("notes")
    site.add(NAME)
    runtime = site.paths.agent_runtime(NAME)
    (runtime / "token").write_text(site.tokens[NAME])
    (runtime / "config.json").write_text(json.dumps({"name": NAME, "driver": "scripted", "options": {}}))
    process = command.start([sys.executable, "-m", "agents.harness"], env=_environment(runtime, notes), cwd=REPOSITORY)
    until(lambda: site.agent(NAME, "connected"), 45, "the harness")
    yield NAME
    process.terminate()
    process.wait(20)
    site.execute("UPDATE agents_agent SET lifecycle = 'gone' WHERE name = ?", NAME)


def _environment(runtime: Path, notes: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(notes),
        "LANG": "C.UTF-8",
        "HIVE_RUN_DIR": str(runtime),
        "HIVE_PORT": str(free_port()),
        "HYPERHIVE_STATE_DIR": str(notes),
        "PS1": "$ ",
    }


def opened(visit: Callable[..., Page], path: str = f"/agents/{NAME}/terminal/", **options: object) -> Page:
    page = visit(path, **options)
    expect(page.locator("[data-terminal-state]")).to_have_text("open", timeout=30_000)
    return page


def run(page: Page, words: str, answer: str) -> None:
    page.locator(".xterm-helper-textarea").press_sequentially(words)
    page.keyboard.press("Enter")
    expect(page.locator(".xterm-rows")).to_contain_text(answer, timeout=30_000)


def test_a_shell_is_typed_into_and_survives_a_reload(visit: Callable[..., Page], shelly: str) -> None:
    page = opened(visit)
    run(page, "kept=yes; echo shown-$((40+2))", "shown-42")
    page.reload()
    expect(page.locator(".xterm-rows")).to_contain_text("shown-42", timeout=30_000)
    run(page, "echo it-is-$kept", "it-is-yes")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("[data-terminal-state]")).to_have_text("Closed.")


def test_it_survives_a_lost_connection(visit: Callable[..., Page], shelly: str) -> None:
    page = opened(visit)
    run(page, "kept=still; echo before-$((1+1))", "before-2")
    page.context.set_offline(True)
    page.context.set_offline(False)
    run(page, "echo it-is-$kept", "it-is-still")


def test_a_new_shell_can_be_had_and_the_old_one_replayed(visit: Callable[..., Page], shelly: str) -> None:
    page = opened(visit)
    run(page, "echo for-the-record-$((3*3))", "for-the-record-9")
    run(page, "exit", "")
    expect(page.locator("[data-terminal-state]")).to_contain_text("exit status 0")
    page.get_by_role("button", name="Open a new shell").click()
    expect(page.locator("[data-terminal-state]")).to_have_text("open", timeout=30_000)
    page.get_by_role("link", name="Replay").first.click()
    page.get_by_label("Position").fill("1000")
    expect(page.locator(".xterm-rows")).to_contain_text("for-the-record-9")


def test_both_pages_can_be_read_by_everyone_and_fit_a_phone(visit: Callable[..., Page], shelly: str) -> None:
    page = opened(visit, color_scheme="dark")
    run(page, "ls --color=always /", "usr")
    assert in_both_schemes(page) == []
    assert width_on_a_phone(page) <= PHONE
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Replay").first.click()
    assert in_both_schemes(page) == []
    assert width_on_a_phone(page) <= PHONE
