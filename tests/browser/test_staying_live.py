from __future__ import annotations

import signal
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser import scene
from tests.browser.site import Site


def test_a_change_reaches_two_browsers(visit: Callable[..., Page], site: Site) -> None:
    pages = [visit("/"), visit("/")]
    site.says(scene.DOCS, "Reading the words of the settings page")
    for page in pages:
        expect(page.locator("#agent-docs .agent-status")).to_have_text("Reading the words of the settings page")


def test_what_one_operator_sends_the_other_sees(visit: Callable[..., Page]) -> None:
    here, there = visit("/"), visit("/")
    here.get_by_label("To", exact=True).select_option(scene.TESTS)
    here.get_by_label("Message", exact=True).fill("Is the deploy through?")
    here.get_by_role("button", name="Send").click()
    expect(here.locator(".toast")).to_have_text("Sent to tests.")
    expect(here.get_by_label("Message", exact=True)).to_have_value("")
    expect(there.locator(".message").first).to_contain_text("Is the deploy through?")


def test_updates_leave_alone_what_the_reader_does(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/", viewport={"width": 1280, "height": 500})
    page.locator("#nix-frontend > summary").click()
    expect(page.locator("#nix-frontend .code")).to_contain_text("hyperhive")
    page.locator("#spawn > summary").click()
    page.get_by_label("What for").fill("Half a tho")
    page.get_by_label("Message", exact=True).fill("Half a mess")
    page.evaluate("scrollTo(0, 260)")
    for number in range(20):
        site.says(scene.FRONT, f"Step {number}")
        expect(page.locator("#agent-frontend .agent-status")).to_have_text(f"Step {number}")
    assert page.evaluate("document.activeElement.id") == "composer-body"
    assert abs(page.evaluate("scrollY") - 260) <= 2
    expect(page.get_by_label("Message", exact=True)).to_have_value("Half a mess")
    expect(page.get_by_label("What for")).to_have_value("Half a tho")
    expect(page.locator("#nix-frontend .code")).to_be_visible()


def test_a_fold_in_an_updated_part_keeps_what_was_typed_in_it(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/agents/frontend/")
    page.locator("#destroy summary").click()
    page.locator("#destroy input[name=typed]").fill("fronte")
    page.locator("h1").click()
    for number in range(5):
        site.says(scene.FRONT, f"Round {number}")
        expect(page.locator("header .agent-status")).to_contain_text(f"Round {number}")
    expect(page.locator("#destroy input[name=typed]")).to_have_value("fronte")
    expect(page.locator("#destroy input[name=typed]")).to_be_visible()


def test_the_title_counts_what_waits(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/jobs/")
    before = site.rows("SELECT count(*) FROM approvals_approval WHERE status = 'pending'")[0][0]
    expect(page).to_have_title(f"({before}) Jobs · hyperhive")
    number = site.ask("One more for the title")
    expect(page).to_have_title(f"({before + 1}) Jobs · hyperhive")
    site.execute("UPDATE approvals_approval SET status = 'cancelled' WHERE id = ?", number)
    site.publish("approvals", number)
    expect(page).to_have_title(f"({before}) Jobs · hyperhive")


def test_a_log_grows_as_it_is_written(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/jobs/4/")
    for number in range(3):
        site.execute("INSERT INTO agents_jobline (job_id, text, at) VALUES (4, ?, datetime('now'))", f"Line {number}.")
        site.publish("joblog", 4)
        expect(page.locator(".log .line").last).to_have_text(f"Line {number}.")
    assert page.locator(".log .line").all_inner_texts()[-3:] == ["Line 0.", "Line 1.", "Line 2."]


def writes(site: Site, text: str) -> None:
    site.execute("INSERT INTO agents_jobline (job_id, text, at) VALUES (4, ?, datetime('now'))", text)
    site.publish("joblog", 4)


def test_a_line_that_comes_while_others_are_fetched_is_shown(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/jobs/4/")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        held.append(route)

    page.route("**/jobs/4/lines/*", hold_the_first)
    writes(site, "The first.")
    _until(page, lambda: bool(held))
    answer = held[0].fetch()
    writes(site, "Right behind it.")
    page.wait_for_timeout(300)
    held[0].fulfill(response=answer)
    expect(page.locator(".log .line").last).to_have_text("Right behind it.")


def test_a_part_that_could_not_be_fetched_is_fetched_again(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/jobs/4/", quiet=False)
    page.route("**/jobs/4/lines/*", _break_off, times=1)
    page.route("**/jobs/4/?panels=*", _break_off, times=1)
    with page.expect_event("requestfailed"):
        writes(site, "After a fault.")
    expect(page.locator(".log .line").last).to_have_text("After a fault.")
    with page.expect_event("requestfailed"):
        site.publish("jobs", 4)
    with page.expect_event("requestfinished"):
        pass


def _break_off(route: Route) -> None:
    route.abort()


def _until(page: Page, happened: Callable[[], bool]) -> None:
    for _ in range(100):
        if happened():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen within 5 s")


def test_a_lost_connection_shows_and_heals(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/", quiet=False)
    site.kill(signal.SIGKILL)
    expect(page.locator("[data-liveness]")).to_have_text("reconnecting…")
    site.execute("UPDATE agents_agent SET status_text = 'Changed meanwhile' WHERE name = 'docs'")
    expect(page.locator("[data-liveness]")).to_contain_text("not live since")
    site.start()
    expect(page.locator("[data-liveness]")).to_have_text("live", timeout=30_000)
    expect(page.locator("#agent-docs .agent-status")).to_have_text("Changed meanwhile")


def test_signing_out_elsewhere_ends_it(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/", quiet=False)
    (session,) = (each["value"] for each in page.context.cookies() if each["name"] == "hyperhive_session")
    rows = site.rows("SELECT session_data, expire_date FROM django_session WHERE session_key = ?", session)
    site.execute("DELETE FROM django_session WHERE session_key = ?", session)
    site.says(scene.DOCS, "Nobody reads this")
    expect(page.locator("[data-liveness]")).to_have_text("signed out")
    site.execute("INSERT INTO django_session VALUES (?, ?, ?)", session, *rows[0])
