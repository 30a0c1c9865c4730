from __future__ import annotations

from tests.approvals.test_decisions import *  # noqa: F403
