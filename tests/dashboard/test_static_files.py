from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client, override_settings

pytestmark = pytest.mark.django_db
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}


def test_what_a_page_names_is_collected_and_served(client: Client, tmp_path: Path) -> None:
    with override_settings(STORAGES=STORAGES, STATIC_ROOT=tmp_path):
        call_command("collectstatic", interactive=False, verbosity=0)
        named = re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get("/").content.decode())
        assert len(named) >= 6
        for address in named:
            answer = Client().get(address)
            assert answer.status_code == 200, address
            assert "immutable" in answer.headers["Cache-Control"]
            answer.close()


def test_pages_hold_no_script_or_style_of_their_own(client: Client) -> None:
    html = client.get("/").content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
