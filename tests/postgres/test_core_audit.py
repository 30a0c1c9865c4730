from __future__ import annotations

from tests.core.test_audit import *  # noqa: F403
