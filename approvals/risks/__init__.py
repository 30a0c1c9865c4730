"""Risk flags: what in a proposal the operator should look at twice. Rules know no database and no web."""

from __future__ import annotations

from approvals.risks.assessment import assess
from approvals.risks.change import Change, File
from approvals.risks.flags import Flag

__all__ = ["Change", "File", "Flag", "assess"]
