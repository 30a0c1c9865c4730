from __future__ import annotations

from tests.broker.test_machine import *  # noqa: F403
