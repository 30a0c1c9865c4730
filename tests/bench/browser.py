"""From a committed change to the changed page in a real Chromium."""

from __future__ import annotations

import time

from playwright.sync_api import Page, sync_playwright

from tests.system.hive import Hive

ROUNDS = 15
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def measure(hive: Hive) -> list[float]:
    """Milliseconds between the commit of a message and its text standing in the dashboard."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(f"{hive.url}/sign-in/")
        page.fill("input[name=username]", "operator")
        page.fill("input[name=password]", hive.environment["HYPERHIVE_OPERATOR_PASSWORD"])
        page.click("form button.primary")
        page.wait_for_selector("text=live")
        found = [_once(hive, page, number) for number in range(ROUNDS)]
        browser.close()
    return found


def _once(hive: Hive, page: Page, number: int) -> float:
    mark = f"mark-{number}-{time.time_ns()}"
    # The page notes the moment itself, so that the driver's own delay does not count.
    page.evaluate(
        """mark => { window.seen = new Promise(done => {
            const look = () => document.body.textContent.includes(mark) ? done(Date.now()) : setTimeout(look, 2);
            look(); }); }""",
        mark,
    )
    sent = hive.ctl("send", "hm1nd", mark)
    seen = float(page.evaluate("() => window.seen"))
    stored = hive.database(
        f"SELECT (julianday(created_at) - 2440587.5) * 86400000 FROM broker_message WHERE id = {sent['id']}"
    )
    return seen - stored
