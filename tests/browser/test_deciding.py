from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.site import Site

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_an_approval_is_given_on_a_phone(visit: Callable[..., Page], site: Site) -> None:
    number = site.ask("More memory for the phone test")
    page = visit("/", **PHONE)
    page.locator(".item", has_text="More memory for the phone test").get_by_role("link").tap()
    expect(page.locator(".code .added").first).to_be_visible()
    button = page.get_by_role("button", name="Approve")
    expect(button).to_be_in_viewport()
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.tap()
    expect(page.locator(".toast")).to_have_text("Approved: it is being built.")
    expect(page.locator(".page-state")).to_contain_text("approved")
    expect(button).to_have_count(0)
    assert site.rows("SELECT status, decided_by FROM approvals_approval WHERE id = ?", number) == [
        ("approved", "operator")
    ]


def test_of_two_who_decide_the_second_hears_of_the_first(visit: Callable[..., Page], site: Site) -> None:
    number = site.ask("Two decide at once")
    page = visit("/jobs/", quiet=False)
    page.route("**/*panels=*", lambda route: route.abort())
    page.goto(f"/approvals/{number}/")
    page.get_by_label("Note").fill("first line\nsecond line")
    decided = "status = 'denied', decided_by = 'grace', decided_at = datetime('now')"
    site.execute(f"UPDATE approvals_approval SET {decided} WHERE id = ?", number)
    page.unroute("**/*panels=*")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".toast-refused")).to_contain_text("already denied by grace")
    expect(page.locator(".page-state")).to_contain_text("denied")


def test_whole_files_can_be_looked_at(visit: Callable[..., Page]) -> None:
    page = visit("/approvals/9/")
    page.get_by_role("link", name="Whole files").click()
    expect(page.locator(".code .same").first).to_be_visible()


def test_a_refused_form_says_why_and_keeps_its_text(visit: Callable[..., Page]) -> None:
    page = visit("/", quiet=False)
    page.locator("#spawn > summary").click()
    page.get_by_label("Name").fill("hm1nd")
    page.get_by_label("What for").fill("A second manager")
    page.get_by_role("button", name="Ask for it").click()
    expect(page.locator(".toast-refused")).to_contain_text("the hive starts it by itself")
    expect(page.get_by_label("What for")).to_have_value("A second manager")
