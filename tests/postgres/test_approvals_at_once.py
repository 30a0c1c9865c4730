from __future__ import annotations

from tests.approvals.test_at_once import *  # noqa: F403
