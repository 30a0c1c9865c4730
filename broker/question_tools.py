"""Tools for asking: ask, answer."""

from __future__ import annotations

from functools import partial
from typing import Any

from broker import hub, questions
from broker.models import MAX_ADDRESS
from broker.senders import Sender
from broker.tools import Identity
from broker.tools import register as register_tool

ASK = {
    "description": (
        "Ask the operator, or another agent, a question and go on: the answer arrives later as a message of kind "
        "question_answered. Offer options where there are some; whoever answers may use other words all the same. "
        "With ttl_seconds the answer '[expired]' arrives when the time is up. Returns the question's id as JSON."
    ),
    "required": ["question"],
    "properties": {
        "question": {"type": "string", "minLength": 1, "maxLength": questions.MAX_QUESTION},
        "options": {
            "type": "array",
            "maxItems": questions.MAX_OPTIONS,
            "items": {"type": "string", "minLength": 1, "maxLength": questions.MAX_OPTION},
            "default": [],
        },
        "multi": {"type": "boolean", "default": False, "description": "Several options may be chosen."},
        "ttl_seconds": {"type": "integer", "minimum": 1, "maximum": questions.MAX_TTL, "nullable": True},
        "to": {"type": "string", "minLength": 1, "maxLength": MAX_ADDRESS, "default": "operator"},
    },
}
ANSWER = {
    "description": "Answer a question that was put to you. The id stands in the question's message.",
    "required": ["id", "answer"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "answer": {"type": "string", "minLength": 1, "maxLength": questions.MAX_ANSWER},
    },
}


def register() -> None:
    register_tool("ask", ASK, ask)
    register_tool("answer", ANSWER, answer)


async def ask(identity: Identity, args: dict[str, Any]) -> object:
    put = partial(
        questions.ask,
        Sender.agent(identity.agent),
        args["to"],
        args["question"],
        options=args["options"],
        multi=args["multi"],
        ttl_seconds=args.get("ttl_seconds"),
    )
    question = await hub.current().do(put)
    return {"question": question.pk, "message": question.message_id, "to": question.target}


async def answer(identity: Identity, args: dict[str, Any]) -> object:
    sender = Sender.agent(identity.agent)
    question = await hub.current().do(partial(questions.answer, sender, args["id"], args["answer"]))
    return f"{question.asker} gets your answer to question {question.pk}."
