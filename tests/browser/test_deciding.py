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


HIGH = [{"rule": "mode", "level": "high", "where": "x", "text": "It matters."}]


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the thing of this name has the focus; a person sees where it is all the way."""
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                const here = document.activeElement, style = getComputedStyle(here);
                const name = (here.labels?.[0] ?? here).textContent.replace(/\\s+/g, " ").trim();
                const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                return {name, shown, inView: here.getBoundingClientRect().bottom <= innerHeight + 1};
            }"""
        )
        assert focused["shown"], f"the focus on {focused['name']!r} cannot be seen"
        if focused["name"].startswith(name):
            assert focused["inView"]
            return
    raise AssertionError(f"the keyboard does not reach {name!r}")


def test_high_risk_is_approved_on_a_phone_with_the_keyboard_alone(visit: Callable[..., Page], site: Site) -> None:
    number = site.ask("More power for the keyboard test", HIGH)
    page = visit("/", quiet=False, viewport={"width": 390, "height": 844})
    tab_to(page, "Skip to content")
    page.keyboard.press("Enter")
    row = page.locator(".item", has_text="More power for the keyboard test")
    while not row.evaluate("row => row.contains(document.activeElement)"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".flag-high")).to_contain_text("It matters.")
    tab_to(page, "Note")
    page.keyboard.type("looked at it twice")
    tab_to(page, "Type frontend to approve")
    page.keyboard.type("front")
    tab_to(page, "Approve")
    page.keyboard.press("Enter")
    expect(page.locator(".toast-refused")).to_contain_text("type the agent's name, frontend")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("frontend")
    tab_to(page, "Approve")
    page.keyboard.press("Enter")
    expect(page.locator(".page-state")).to_contain_text("approved")
    decided = site.rows("SELECT status, decided_by, note FROM approvals_approval WHERE id = ?", number)
    assert decided == [("approved", "operator", "looked at it twice")]


def test_two_tabs_make_one_decision_and_both_show_it(visit: Callable[..., Page], site: Site) -> None:
    number = site.ask("Decided in two tabs", HIGH)
    first, second = (visit(f"/approvals/{number}/", quiet=False) for _ in range(2))
    for page in (first, second):
        page.get_by_label("Type frontend to approve").fill("frontend")
    second.route("**/*panels=*", lambda route: route.abort())
    first.get_by_role("button", name="Approve").click()
    expect(first.locator(".page-state")).to_contain_text("approved")
    second.get_by_role("button", name="Deny").click()
    expect(second.locator(".toast-refused")).to_contain_text("already approved by operator")
    second.unroute("**/*panels=*")
    second.reload()
    expect(second.locator(".page-state")).to_contain_text("approved")
    events = site.rows(
        "SELECT to_status FROM approvals_auditevent WHERE approval_id = ? AND actor LIKE 'operator%'", number
    )
    assert events == [("approved",)]


def test_the_change_is_compared_with_another_base_without_a_script(visit: Callable[..., Page]) -> None:
    page = visit("/approvals/9/", java_script_enabled=False)
    page.get_by_role("navigation", name="Compare with").get_by_role("link", name="previous proposal").click()
    expect(page.locator(".code .removed", has_text='hyperhive.network = "host"')).to_be_visible()


def test_the_audit_log_can_be_searched(visit: Callable[..., Page]) -> None:
    page = visit("/audit/")
    page.get_by_label("What").fill("sign-in link")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".events tbody tr").first).to_contain_text("sign-in link made")
