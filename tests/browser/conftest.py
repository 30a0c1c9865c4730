from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.browser.site import Site

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
expect.set_options(timeout=10_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    site = Site()
    try:
        site.open()
        yield site
    finally:
        site.close()


@pytest.fixture(scope="session")
def _playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(_playwright: Playwright) -> Iterator[Browser]:
    browser = _playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def cookies(browser: Browser, site: Site) -> Any:
    """What a browser keeps after it has signed in by a one-time link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    kept = context.cookies()
    context.close()
    return kept


def is_complaint(said: ConsoleMessage) -> bool:
    """Other tests add network interfaces meanwhile, which interrupts whatever Chromium is loading."""
    return said.type in ("error", "warning") and NETWORK_CHANGED not in said.text


def go(page: Page, path: str) -> None:
    try:
        page.goto(path)
    except Error as error:
        if NETWORK_CHANGED not in str(error):
            raise
        page.goto(path)


@pytest.fixture
def visit(browser: Browser, site: Site, cookies: Any) -> Iterator[Callable[..., Page]]:
    """`visit("/jobs/")` opens a page of a signed-in operator; what its console complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(path: str, *, quiet: bool = True, **options: Any) -> Page:
        context = browser.new_context(base_url=site.address, **options)
        contexts.append(context)
        context.add_cookies(cookies)
        page = context.new_page()
        if quiet:
            page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
        go(page, path)
        if options.get("java_script_enabled", True) and page.locator("[data-liveness]").count():
            expect(page.locator("[data-liveness]")).to_have_text("live")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints, complaints
