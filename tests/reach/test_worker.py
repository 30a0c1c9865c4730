"""The running worker tells a real receiver of what newly needs a person, through the settings' target."""

from __future__ import annotations

import os
import signal

import pytest

from tests.broker.hive import until
from tests.cli.hive import QuietHive
from tests.reach.receiver import Received, Receiver


@pytest.mark.system
def test_what_happens_in_a_running_hive_is_told_once() -> None:
    hive = QuietHive()
    try:
        hive.prepare('alice = agent("alice")\n')
        secret = hive.root / "notify-secret"
        secret.write_text("tk_from_a_file\n")
        secret.chmod(0o644)
        with Receiver() as receiver:
            hive.environment |= {
                "HYPERHIVE_NOTIFY_URL": f"{receiver.url}/hive",
                "HYPERHIVE_NOTIFY_KIND": "ntfy",
                "HYPERHIVE_NOTIFY_SECRET_FILE": str(secret),
                "HYPERHIVE_PUBLIC_URL": "https://hive.example.org",
            }
            process = hive.working()
            try:
                hive._python("-c", _ASK, DJANGO_SETTINGS_MODULE="hiveproject.settings")
                until(lambda: _told(receiver), 60, "what waits for a decision")
            finally:
                os.killpg(process.pid, signal.SIGINT)
                process.communicate(timeout=60)
            (only,) = _told(receiver)
    finally:
        hive.close()
    assert only.headers["Authorization"] == "Bearer tk_from_a_file"
    assert only.body["title"] == "Change to alice"
    assert only.body["click"].startswith("https://hive.example.org/approvals/")


def _told(receiver: Receiver) -> list[Received]:
    return [got for got in receiver.got if got.body["title"] == "Change to alice"]


_ASK = """
import django; django.setup()
from tests.builders import *
from agents import feed
asked = approval(description="More memory")
feed.publish("approvals", asked.pk)
"""
