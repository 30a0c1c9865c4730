from __future__ import annotations

from tests.broker.test_storing import *  # noqa: F403
