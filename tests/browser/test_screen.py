from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

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


def watch(visit: Callable[..., Page], path: str = PATH) -> Page:
    page = visit(path)
    expect(page.locator(BADGE)).to_contain_text("View only", timeout=30_000)
    return page


def pixels(page: Page) -> list[int]:
    """What the canvas shows, as red, green, blue, alpha, ..."""
    script = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"
    found: list[int] = page.locator("[data-screen-view] canvas").evaluate(script)
    return found


def drawn(page: Page) -> bool:
    seen = pixels(page)
    return GROUND in set(zip(seen[0::4], seen[1::4], seen[2::4], strict=True))


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


def test_it_is_drawn_and_typed_into(visit: Callable[..., Page], shown: Desktop, tmp_path: Path) -> None:
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
    page.screenshot(path=tmp_path / "screen.png", full_page=True)


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
        page = watch(visit)
    expect(page.locator("[data-screen-word]")).to_contain_text("Trying again")
    socket.unlink(missing_ok=True)
    with desktop(socket, window=False):
        expect(page.locator(BADGE)).to_have_text("View only", timeout=60_000)
        expect(page.locator("[data-screen-word]")).to_be_hidden()


def test_without_one_it_says_what_to_do(visit: Callable[..., Page]) -> None:
    page = visit(f"/agents/{scene.DOCS}/screen/")
    expect(page.locator("[data-screen-word]")).to_contain_text("hyperhive.gui.enable = true")
    expect(page.get_by_role("button", name="Take control")).to_be_disabled()
