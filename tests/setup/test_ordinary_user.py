"""Without root: everything runs as the one ordinary user, agents in a user namespace."""

from __future__ import annotations

import os
import sys

import pytest

from tests.system.hive import Hive

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]
UID = 54322


class OrdinaryHive(Hive):
    """A hive of an ordinary user, also where the tests run as root."""

    def __init__(self) -> None:
        super().__init__()
        if os.geteuid() == 0:
            os.chown(self.root, UID, UID)
            self.python = [sys.executable, "-m", "tests.setup.as_user", str(UID), str(self.root), sys.executable]


def test_a_hive_without_root() -> None:
    hive = OrdinaryHive()
    try:
        hive.start()
        hive.running("hm1nd")
        assert "scripted agent" in hive.ask("hm1nd", "hello")
        assert hive.state.stat().st_uid == (UID if os.geteuid() == 0 else os.geteuid())
        assert hive.interrupt() == 0
        assert hive.processes() == []
    finally:
        hive.close()
