from __future__ import annotations

from tests.broker.test_messages import *  # noqa: F403
