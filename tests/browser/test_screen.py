from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import scene
from tests.browser.site import Site
from tests.screen.desktop import Desktop, desktop

PATH = f"/agents/{scene.FRONT}/screen/"
GROUND = (0x20, 0x50, 0x80)
BADGE = "[data-screen-badge]"


@pytest.fixture
def shown(site: Site) -> Iterator[Desktop]:
    socket = site.paths.vnc_socket(scene.FRONT)
    socket.parent.mkdir(exist_ok=True)
    with desktop(socket) as running:
        yield running


def watch(visit: Callable[..., Page], *, quiet: bool = True) -> Page:
    page = visit(PATH, quiet=quiet)
    expect(page.locator(BADGE)).to_contain_text("View only", timeout=30_000)
    return page


def ground_in(canvas: Locator) -> bool:
    """Whether the canvas shows the desktop's colour somewhere."""
    script = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"
    seen: list[int] = canvas.evaluate(script)
    return GROUND in set(zip(seen[0::4], seen[1::4], seen[2::4], strict=True))


def drawn(page: Page) -> bool:
    return ground_in(page.locator("[data-screen-view] canvas"))


def until(page: Page, condition: Callable[[], bool], what: str) -> None:
    for _ in range(600):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"in vain: {what}")


def click_desktop(page: Page, x: int, y: int) -> None:
    box = page.locator("[data-screen-view] canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x * box["width"] / 640, box["y"] + y * box["height"] / 400)


def test_it_is_drawn_and_typed_into(visit: Callable[..., Page], shown: Desktop) -> None:
    page = watch(visit)
    until(page, lambda: drawn(page), "the desktop's ground")
    click_desktop(page, 300, 80)
    page.keyboard.type("not yet")
    page.get_by_role("button", name="Take control").click()
    expect(page.locator(BADGE)).to_have_text("You drive")
    before = page.locator("[data-screen-view]").screenshot()
    click_desktop(page, 300, 80)
    page.keyboard.type("hello hive")
    until(page, lambda: shown.heard == "hello hive", f"the typed text, not {shown.heard!r}")
    until(page, lambda: page.locator("[data-screen-view]").screenshot() != before, "the text to be drawn")
    page.get_by_role("button", name="Hand back").click()
    expect(page.locator(BADGE)).to_have_text("View only")


def test_who_watches_sees_who_drives(visit: Callable[..., Page], shown: Desktop) -> None:
    one, other = watch(visit), watch(visit)
    one.get_by_role("button", name="Take control").click()
    expect(one.locator(BADGE)).to_have_text("You drive")
    expect(other.locator(".screen-control")).to_contain_text("operator has had the mouse and keyboard")
    expect(other.get_by_role("button", name="Take control")).to_be_disabled()
    expect(other.locator(BADGE)).to_have_text("View only")
    one.get_by_role("button", name="Hand back").click()
    expect(other.get_by_role("button", name="Take control")).to_be_enabled()


def test_the_clipboard_is_for_who_drives(visit: Callable[..., Page], shown: Desktop) -> None:
    page = watch(visit)
    expect(page.get_by_text("Clipboard", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Take control").click()
    expect(page.locator(BADGE)).to_have_text("You drive")
    page.get_by_text("Clipboard", exact=True).click()
    page.locator("[data-screen-clipboard]").fill("naïve ✓")
    page.get_by_role("button", name="Put on its clipboard").click()
    click_desktop(page, 300, 80)
    page.keyboard.press("Control+v")
    until(page, lambda: "✓" in shown.heard, f"the pasted text, not {shown.heard!r}")
    page.get_by_role("button", name="Hand back").click()


def test_it_comes_back_by_itself(visit: Callable[..., Page], site: Site) -> None:
    socket = site.paths.vnc_socket(scene.FRONT)
    socket.parent.mkdir(exist_ok=True)
    with desktop(socket, window=False):
        page = watch(visit, quiet=False)
    expect(page.locator("[data-screen-word]")).to_contain_text("Trying again")
    with desktop(socket, window=False):
        expect(page.locator(BADGE)).to_have_text("View only", timeout=60_000)
        expect(page.locator("[data-screen-word]")).to_be_hidden()


def test_without_one_it_says_what_to_do(visit: Callable[..., Page]) -> None:
    page = visit(f"/agents/{scene.DOCS}/screen/")
    expect(page.locator("[data-screen-word]")).to_contain_text("hyperhive.gui.enable = true")
    expect(page.get_by_role("button", name="Take control")).to_be_disabled()


def test_it_is_recorded_and_played_again(visit: Callable[..., Page], shown: Desktop) -> None:
    page = watch(visit)
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(BADGE)).to_have_text("View only · recording", timeout=30_000)
    until(page, lambda: drawn(page), "the desktop's ground")
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(BADGE)).to_have_text("View only", timeout=30_000)
    page.get_by_role("link", name=re.compile(r"^\d{4}-\d\d-\d\d")).first.click()
    page.wait_for_url("**/recordings/*/")
    canvas = page.locator("[data-replay-view] canvas")
    expect(canvas).to_be_visible(timeout=30_000)
    until(page, lambda: ground_in(canvas), "the recorded ground")
    expect(page.get_by_role("button", name="Again")).to_be_visible(timeout=30_000)


def test_the_agents_page_leads_to_it(visit: Callable[..., Page], shown: Desktop) -> None:
    page = visit(f"/agents/{scene.FRONT}/")
    section = page.locator("section", has=page.get_by_role("heading", name="Screen"))
    section.get_by_role("link").click()
    expect(page.locator(BADGE)).to_contain_text("View only", timeout=30_000)
