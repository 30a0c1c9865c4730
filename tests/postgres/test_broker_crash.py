from __future__ import annotations

from tests.broker.test_crash import *  # noqa: F403
