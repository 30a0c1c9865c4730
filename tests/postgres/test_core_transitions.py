from __future__ import annotations

from tests.core.test_transitions import *  # noqa: F403
