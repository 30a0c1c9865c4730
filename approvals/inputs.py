"""The lock of the meta flake as it was last approved: every other approval is bound to it."""

from __future__ import annotations

import hashlib

from approvals.models import Approval

LOCK = "flake.lock"


def lock_hash(lock: bytes) -> str:
    """SHA-256 of the lock; no lock at all counts as an empty one."""
    return hashlib.sha256(lock).hexdigest()


def approved_lock() -> str:
    """The hash of the lock that was approved last; that of no lock before the first time."""
    updates = Approval.objects.filter(kind=Approval.Kind.UPDATE_INPUTS, status=Approval.Status.DEPLOYED)
    newest = updates.order_by("-finished_at").values_list("lock_hash", flat=True).first()
    return newest or lock_hash(b"")
