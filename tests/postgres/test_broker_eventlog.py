from __future__ import annotations

from tests.broker.test_eventlog import *  # noqa: F403
