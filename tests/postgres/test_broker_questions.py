from __future__ import annotations

from tests.broker.test_questions import *  # noqa: F403
