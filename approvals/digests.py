"""What was shown is what is decided, and what was decided is what runs."""

from __future__ import annotations

import hashlib
import json

from approvals.models import Approval


def shown(approval: Approval) -> str:
    """A short name for everything a decision is bound to: pages send it back as `seen`.

    It changes whenever the commit, the options, the inputs, the flags or what runs have changed since
    the page was made.
    """
    agent = approval.agent
    bound = [approval.pk, approval.commit, approval.tree, approval.lock_hash, approval.options, agent.deployment_id]
    bound.append(approval.flags)
    return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:20]
