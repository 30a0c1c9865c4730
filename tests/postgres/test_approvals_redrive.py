from __future__ import annotations

from tests.approvals.test_redrive import *  # noqa: F403
