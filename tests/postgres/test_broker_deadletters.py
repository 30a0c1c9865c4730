from __future__ import annotations

from tests.broker.test_deadletters import *  # noqa: F403
