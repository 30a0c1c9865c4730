from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import scene
from tests.browser.site import Site


@pytest.fixture
def plain(visit: Callable[..., Page]) -> Callable[[str], Page]:
    return lambda path: visit(path, java_script_enabled=False)


def test_a_message_is_sent(plain: Callable[[str], Page]) -> None:
    page = plain("/")
    page.get_by_label("To", exact=True).select_option(scene.DOCS)
    page.get_by_label("Message", exact=True).fill("Written by hand")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".notice-success")).to_have_text("Sent to docs.")
    expect(page.locator(".message").first).to_contain_text("Written by hand")


def test_a_refusal_is_shown(plain: Callable[[str], Page]) -> None:
    page = plain("/")
    page.locator("#spawn > summary").click()
    page.get_by_label("Name").fill("docs")
    page.get_by_role("button", name="Ask for it").click()
    expect(page.locator(".notice-error")).to_contain_text("docs is there already")


def test_an_approval_is_denied_with_a_note(plain: Callable[[str], Page], site: Site) -> None:
    number = site.ask("Denied without a script")
    page = plain(f"/approvals/{number}/")
    page.get_by_label("Note").fill("Not now.\nAsk again tomorrow.")
    page.get_by_role("button", name="Deny").click()
    expect(page.locator(".page-state")).to_contain_text("denied")
    expect(page.locator(".note")).to_contain_text("Ask again tomorrow.")


def test_the_applied_file_is_a_page_away(plain: Callable[[str], Page]) -> None:
    page = plain("/")
    page.locator("#nix-frontend > summary").click()
    page.get_by_role("link", name="Read the applied agent.nix of frontend").click()
    expect(page.locator(".code")).to_contain_text("hyperhive.driver")


def test_an_agent_is_restarted_and_its_job_shown(plain: Callable[[str], Page]) -> None:
    page = plain("/agents/tests/")
    page.get_by_role("button", name="Restart").click()
    expect(page.locator(".notice-success")).to_have_text("tests is restarted.")
    page.get_by_role("link", name="restart tests").first.click()
    expect(page.locator(".page-state")).to_contain_text("queued")


def test_destroying_asks_for_the_name(plain: Callable[[str], Page]) -> None:
    page = plain("/agents/tests/")
    page.locator("#destroy > summary").click()
    page.get_by_label("Type tests to confirm").fill("test")
    page.get_by_role("button", name="Destroy tests").click()
    expect(page.locator(".notice-error")).to_contain_text("type tests to confirm")
