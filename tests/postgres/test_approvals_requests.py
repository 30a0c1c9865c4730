from __future__ import annotations

from tests.approvals.test_requests import *  # noqa: F403
