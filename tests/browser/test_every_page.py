from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.broker.hive import REPOSITORY

PAGES = {
    "dashboard": "/",
    "approvals": "/approvals/",
    "approval": "/approvals/9/",
    "failed": "/approvals/7/",
    "whole files": "/approvals/9/?whole",
    "compared": "/approvals/9/?against=queued",
    "audit": "/audit/",
    "jobs": "/jobs/",
    "job": "/jobs/3/",
    "agent": "/agents/frontend/",
    "screen": "/agents/docs/screen/",
    "kept": "/agents/archivist/",
    "configuration": "/agents/frontend/agent.nix",
    "log": "/agents/frontend/log/",
    "message": "/messages/2/",
    "messages": "/messages/",
    "search": "/messages/?q=agent*&agent=frontend",
    "dead letters": "/messages/dead/",
    "question": "/questions/1/",
    "schedules": "/schedules/",
    "policy": "/agents/frontend/policy/?recipients=docs",
    "admin": "/admin/",
    "admin list": "/admin/approvals/approval/",
    "admin approval": "/admin/approvals/approval/9/change/",
    "admin rule": "/admin/approvals/autorule/add/",
    "admin target": "/admin/hiveproject/reachtarget/add/",
}
PHONE = 390
AXE = Path(REPOSITORY / "node_modules/axe-core/axe.min.js")


def serious(page: Page, **options: Any) -> list[str]:
    """What axe finds serious or worse, in one line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {each['help']} ({each['nodes'][0]['html'][:120]})"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith("admin")])
def test_it_can_be_read_by_everyone_and_fits_a_phone(visit: Callable[..., Page], name: str) -> None:
    page = visit(PAGES[name], color_scheme="dark")
    for fold in page.locator("main details > summary:visible").all():
        fold.click()
    assert in_both_schemes(page) == []
    assert width_on_a_phone(page) <= PHONE


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("admin")])
def test_the_admin_can_be_read_and_fits_a_phone(visit: Callable[..., Page], name: str) -> None:
    page = visit(PAGES[name], color_scheme="dark")
    assert in_both_schemes(page, runOnly=["color-contrast"]) == []
    assert width_on_a_phone(page) <= PHONE


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-in/link/used-up/", "/nowhere/"])
def test_pages_before_signing_in_can_be_read_too(visit: Callable[..., Page], path: str) -> None:
    page = visit(path, quiet=False, color_scheme="dark")
    assert in_both_schemes(page) == []
    assert width_on_a_phone(page) <= PHONE


def in_both_schemes(page: Page, **options: Any) -> list[str]:
    found = serious(page, **options)
    page.emulate_media(color_scheme="light")
    return found + serious(page, **options)


def width_on_a_phone(page: Page) -> int:
    page.set_viewport_size({"width": PHONE, "height": 844})
    return int(page.evaluate("document.documentElement.scrollWidth"))
