from __future__ import annotations

from tests.core.test_jobs import *  # noqa: F403
