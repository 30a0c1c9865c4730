from __future__ import annotations

from tests.broker.test_reminders import *  # noqa: F403
