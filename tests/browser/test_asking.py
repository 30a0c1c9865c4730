"""Answering an agent's question where it stands, and what is typed meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import scene
from tests.browser.site import Site

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def state(site: Site, question: int) -> list[tuple[str, str]]:
    return site.rows("SELECT state, answer FROM broker_question WHERE id = ?", question)


def ask(site: Site, text: str, *options: str) -> int:
    """An agent of the scene asks the operator; the question's id."""
    code = (
        "from broker import questions; from broker.sending import Sender; "
        f"print(questions.ask(Sender.agent({scene.FRONT!r}), 'operator', {text!r}, options={list(options)!r}).pk)"
    )
    return int(site.manage("shell", "--verbosity=0", "-c", code).split()[-1])


def test_an_option_is_chosen_on_a_phone(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/", **PHONE)
    question = ask(site, "Tea or coffee?", "tea", "coffee")
    item = page.locator(".item", has_text="Tea or coffee?")
    button = item.get_by_role("button", name="coffee")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.tap()
    expect(page.locator(".toast")).to_have_text(f"{scene.FRONT} gets your answer.")
    expect(item).to_have_count(0)
    assert state(site, question) == [("answered", "coffee")]


def test_what_is_typed_outlives_what_happens_meanwhile(visit: Callable[..., Page], site: Site) -> None:
    question = ask(site, "What is it called?", "this", "that")
    page = visit("/")
    item = page.locator(".item", has_text="What is it called?")
    item.get_by_label("Your own words").fill("a zeppelin")
    later = ask(site, "And another?")
    expect(page.locator(".item", has_text="And another?")).to_be_visible()
    expect(item.get_by_label("Your own words")).to_have_value("a zeppelin")
    item.get_by_label("Your own words").press("Enter")
    expect(item).to_have_count(0)
    assert state(site, question) == [("answered", "a zeppelin")], "enter takes no option"
    assert state(site, later)[0][0] == "open"


def test_it_works_without_javascript(visit: Callable[..., Page], site: Site) -> None:
    question = ask(site, "Without script?", "yes", "no")
    page = visit(f"/questions/{question}/", java_script_enabled=False)
    page.get_by_role("button", name="no").click()
    expect(page.locator(".notice-success")).to_contain_text("gets your answer")
    assert state(site, question) == [("answered", "no")]
