"""What each verb does: it calls the same functions as the dashboard and says what came of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from agents.lifecycle import LifecycleRefused
from agents.naming import NameRefused
from approvals.decisions import DecisionRefused
from approvals.requests import RequestRefused
from approvals.secrets import SecretRefused
from approvals.transitions import TransitionRefused
from broker.refusals import Refused
from hiveproject.budgets import BudgetRefused
from hiveproject.hivectl.answers import Answer
from hiveproject.hivectl.operators import NoOperator
from hiveproject.hivectl.verbs import (
    agents,
    approvals,
    drafts,
    mail,
    messages,
    policy,
    questions,
    schedules,
    secrets,
    steering,
    upkeep,
    wake_tokens,
)
from hiveproject.hivectl.verbs.agents import NotThere

REFUSALS = (
    NameRefused,
    NotThere,
    NoOperator,
    RequestRefused,
    LifecycleRefused,
    TransitionRefused,
    DecisionRefused,
    Refused,
    SecretRefused,
    BudgetRefused,
)

_VERBS: dict[str, Callable[[argparse.Namespace], Answer]] = {
    "list": agents.list_agents,
    "status": agents.status,
    "spawn": approvals.spawn,
    "start": agents.act,
    "stop": agents.act,
    "restart": agents.act,
    "rebuild": agents.act,
    "destroy": agents.destroy,
    "logs": agents.logs,
    "approvals": approvals.list_approvals,
    "approve": approvals.approve,
    "deny": approvals.deny,
    "cancel": approvals.cancel,
    "update-inputs": approvals.update_inputs,
    "draft": drafts.draft,
    "rollback": approvals.rollback,
    "send": messages.send,
    "inbox": messages.inbox,
    "ask": questions.ask,
    "answer": questions.answer,
    "questions": questions.list_questions,
    "search": mail.search,
    "dead-letters": mail.dead_letters,
    "schedules": schedules.list_schedules,
    "schedule": schedules.schedule,
    "policy": policy.policy,
    "wake-token": wake_tokens.wake_token,
    "secret": secrets.secret,
    **dict.fromkeys(("interrupt", "compact", "new-session", "model", "pause", "resume"), steering.order),
    **dict.fromkeys(("freeze", "thaw"), steering.freeze),
    "login": steering.login,
    "budget": steering.budget,
    "operator": upkeep.operator,
    "audit": upkeep.audit,
}


def perform(options: argparse.Namespace) -> Answer:
    """Do the verb. Raises one of `REFUSALS`, `DatabaseError`, `Failed`."""
    return _VERBS[options.verb](options)
