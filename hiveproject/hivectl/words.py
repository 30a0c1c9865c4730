"""The verbs and their words."""

from __future__ import annotations

import argparse
import json
import sys
from typing import NoReturn

_EPILOG = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused."


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as JSON where that was asked for."""

    def error(self, message: str) -> NoReturn:
        text = f"{message} (see '{self.prog} --help')"
        line = json.dumps({"error": text}, ensure_ascii=False) if "--json" in sys.argv else f"{self.prog}: {text}"
        self.exit(2, f"{line}\n")


def parser() -> argparse.ArgumentParser:
    """Every verb takes --json, before or after it; those that start a job take --wait."""
    top = _Parser(prog="hivectl", description="Steer the hive.", epilog=_EPILOG, allow_abbrev=False)
    top.add_argument("--json", action="store_true", help="print one JSON value")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    _agents(verbs)
    _approvals(verbs)
    _asking(verbs)
    _messages(verbs)
    _broker(verbs)
    _schedules(verbs)
    _doors(verbs)
    _upkeep(verbs)
    return top


_Verbs = argparse._SubParsersAction


def _agents(verbs: _Verbs[_Parser]) -> None:
    _verb(verbs, "list", "the agents and their state")
    _named(verbs, "status", "everything about one agent")
    spawn = _named(verbs, "spawn", "ask for a new agent, or for a destroyed one whose state is kept", wait=True)
    spawn.add_argument("--yes", action="store_true", help="approve it too, as the operator")
    spawn.add_argument("--description", default="", help="what it is for; the approval shows it")
    for name, what in (
        ("start", "start its container"),
        ("stop", "stop its container"),
        ("restart", "stop and start its container"),
        ("rebuild", "evaluate its deployed configuration again and restart it"),
    ):
        _named(verbs, name, what, wait=True)
    destroy = _named(verbs, "destroy", "take its container away; its state is kept", wait=True)
    destroy.add_argument("--purge", action="store_true", help="remove notes, credentials and repositories too")
    logs = _named(verbs, "logs", "the last lines its container wrote")
    logs.add_argument("--lines", type=_count, default=200, help="how many (200)")
    _orders(verbs)
    secret = _verb(verbs, "secret", "the secrets of an agent: values go in by standard input and are never shown")
    secret.add_argument("what", choices=("set", "list", "unset"))
    secret.add_argument("name", metavar="NAME")
    secret.add_argument("secret", metavar="SECRET", nargs="?", help="its name; a file of that name in /run/secrets")
    secret.add_argument("--env", action="store_true", help="make it a variable of the agent's programs too")


def _orders(verbs: _Verbs[_Parser]) -> None:
    for name, what in (
        ("interrupt", "end the turn that runs; its session is kept"),
        ("compact", "make its model's session shorter, after the turn that runs"),
        ("new-session", "let the next turn begin with an empty session"),
        ("model", "have another model answer, from the next turn on"),
        ("pause", "begin no further turn; messages wait"),
        ("resume", "go on after a pause"),
    ):
        verb = _named(verbs, name, what)
        verb.add_argument("--wait", type=_count, default=10, help="seconds to wait for what comes of it (10)")
        if name == "model":
            verb.add_argument("model", metavar="MODEL", nargs="?", help="without: the one of its agent.nix")
    for name, what in (("freeze", "hold every process of it, at once"), ("thaw", "let its processes go on")):
        verb = _verb(verbs, name, what)
        verb.add_argument("name", metavar="NAME", nargs="?")
        verb.add_argument("--all", action="store_true", help="every agent that runs")
    budget = _verb(verbs, "budget", "what is used of today's budgets, and granting more for today")
    budget.add_argument("what", choices=("show", "raise"))
    budget.add_argument("name", metavar="NAME", nargs="?")
    budget.add_argument("--swarm", action="store_true", help="all agents together")
    for what in ("tokens", "cost", "turns"):
        budget.add_argument(f"--{what}", type=float, metavar="N", help=f"how much more ({what})")
    login = _verb(verbs, "login", "sign its driver in: start gives an address, code reads the code from standard input")
    login.add_argument("what", choices=("start", "code", "status", "cancel"))
    login.add_argument("name", metavar="NAME")


def _approvals(verbs: _Verbs[_Parser]) -> None:
    approvals = _verb(verbs, "approvals", "what waits for a decision")
    approvals.add_argument("--all", action="store_true", help="decided ones too, the newest first")
    approve = _verb(verbs, "approve", "approve and build", wait=True)
    approve.add_argument("id", type=_count, metavar="ID")
    approve.add_argument("--seen", default="", help="the 'shown' of the row in 'approvals --json' that was looked at")
    approve.add_argument("--name", default="", help="the agent's name, which a change of high risk asks for")
    approve.add_argument("--note", default="", help="kept with the decision; '-' reads standard input")
    deny = _verb(verbs, "deny", "refuse")
    deny.add_argument("id", type=_count, metavar="ID")
    deny.add_argument("--note", default="", help="why, for whoever asked; '-' reads standard input")
    cancel = _verb(verbs, "cancel", "take a request back, or stop its build")
    cancel.add_argument("id", type=_count, metavar="ID")
    cancel.add_argument("--note", default="", help="why, for whoever asked; '-' reads standard input")
    for verb in (approve, deny, cancel):
        verb.add_argument("--as", dest="account", default="", metavar="ACCOUNT", help="who decides (operator)")
    rollback = _named(verbs, "rollback", "put an earlier deploy back", wait=True)
    rollback.add_argument("tag", metavar="TAG", help="such as deployed/0")
    rollback.add_argument("--reason", required=True, help="why; the new tag keeps it")


def _asking(verbs: _Verbs[_Parser]) -> None:
    draft = _verb(verbs, "draft", "agents that are written down but not asked for yet", wait=True)
    draft.add_argument("what", choices=("create", "list", "discard"))
    draft.add_argument("name", metavar="NAME", nargs="?", help="of the draft (not for list)")
    update = _verb(verbs, "update-inputs", "ask for newer inputs of the flake that all agents share", wait=True)
    update.add_argument("--description", default="", help="what for; the approval shows it")


def _messages(verbs: _Verbs[_Parser]) -> None:
    send = _verb(verbs, "send", "write to an agent")
    send.add_argument("name", metavar="NAME", help="an agent, or '*' for all")
    send.add_argument("text", metavar="TEXT", help="'-' reads standard input")
    send.add_argument("--urgent", action="store_true", help="overtake what else waits")
    send.add_argument("--in-reply-to", type=_count, metavar="ID", help="the message that this answers")
    inbox = _verb(verbs, "inbox", "messages, the newest first")
    inbox.add_argument("name", metavar="NAME", nargs="?", help="an agent (without: the operator)")
    inbox.add_argument("--limit", type=_count, default=1000, help="at most this many (1000)")


def _broker(verbs: _Verbs[_Parser]) -> None:
    ask = _named(verbs, "ask", "put a question to an agent; the answer comes to your inbox")
    ask.add_argument("text", metavar="QUESTION", help="'-' reads standard input")
    ask.add_argument("--option", action="append", default=[], help="offer an answer; may be given again")
    ask.add_argument("--multi", action="store_true", help="several options may be chosen")
    ask.add_argument("--ttl", type=_count, metavar="SECONDS", help="answer '[expired]' after that")
    answer = _verb(verbs, "answer", "answer a question that an agent has put to you")
    answer.add_argument("id", type=_count, metavar="ID")
    answer.add_argument("text", metavar="ANSWER", help="'-' reads standard input")
    _verb(verbs, "questions", "what waits for your answer")
    search = _verb(verbs, "search", "find messages, the newest first")
    search.add_argument("words", metavar="WORD", nargs="+", help="all must be there; begin* matches a beginning")
    search.add_argument("--agent", metavar="NAME", help="only what it sent or was sent")
    search.add_argument("--limit", type=_count, default=20, help="at most this many (20)")
    search.add_argument("--before", type=_count, metavar="ID", help="only messages older than this one")
    dead = _verb(verbs, "dead-letters", "messages that could not be delivered")
    dead.add_argument("what", nargs="?", choices=("retry", "discard"), help="deliver again, or give up")
    dead.add_argument("ids", nargs="*", type=_count, metavar="ID")


def _schedules(verbs: _Verbs[_Parser]) -> None:
    _verb(verbs, "schedules", "the prompts that are sent again and again")
    schedule = _verb(verbs, "schedule", "begin, change, fire or end a scheduled prompt")
    whats = schedule.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=_Parser)
    add = _named(whats, "add", "begin one")
    add.add_argument("prompt", metavar="PROMPT", help="'-' reads standard input")
    edit = _verb(whats, "edit", "change one; what is not given stays")
    for name, what in (("fire", "send one once more, now"), ("cancel", "end one")):
        _verb(whats, name, what).add_argument("id", type=_count, metavar="ID")
    edit.add_argument("id", type=_count, metavar="ID")
    edit.add_argument("--prompt", help="'-' reads standard input")
    for each in (add, edit):
        when = each.add_mutually_exclusive_group(required=each is add)
        when.add_argument("--every", type=_count, metavar="SECONDS", help="seconds from one firing to the next")
        when.add_argument("--cron", default="", metavar="LINE", help="minute hour day month weekday, in UTC")


def _doors(verbs: _Verbs[_Parser]) -> None:
    policy = _verb(verbs, "policy", "who may write to whom")
    check = _named(policy.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=_Parser), "check",
                   "what other allowed recipients would have refused; changes nothing")  # fmt: skip
    check.add_argument("--recipients", required=True, metavar="A,B", help="names; '*' is everybody, '' nobody")
    check.add_argument("--days", type=_count, default=7, help="how far back (7)")
    token = _verb(verbs, "wake-token", "let something outside the hive write to one agent")
    whats = token.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=_Parser)
    _named(whats, "make", "make one; it is shown once").add_argument("--label", required=True, help="what uses it")
    _verb(whats, "list", "all of them").add_argument("name", metavar="NAME", nargs="?", help="only this agent's")
    _verb(whats, "revoke", "make one worthless").add_argument("id", type=_count, metavar="ID")


def _upkeep(verbs: _Verbs[_Parser]) -> None:
    operator = _verb(verbs, "operator", "the operator's account")
    operator.add_argument("what", choices=("reset", "link"), help="a new password, or a new one-time sign-in link")
    audit = _verb(verbs, "audit", "the audit log")
    audit.add_argument(
        "what", choices=("verify", "export"), help="check that nobody has rewritten it, or print it as JSON lines"
    )
    audit.add_argument("--head", default="", metavar="DIGEST", help="a digest noted earlier: verify that it is there")
    audit.add_argument("--since", default="", metavar="TIME", help="export from this time on, such as 2026-11-21")
    audit.add_argument("--until", default="", metavar="TIME", help="export up to this time")
    audit.add_argument("--actor", default="", help="export what this actor did, such as operator:ada")
    audit.add_argument("--action", default="", help="export actions that contain this text")
    audit.add_argument("--agent", default="", metavar="NAME", help="export what concerns this agent")
    audit.add_argument("--approval", type=_count, metavar="ID", help="export what concerns this approval")


def _verb(verbs: _Verbs[_Parser], name: str, what: str, *, wait: bool = False) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=_EPILOG)
    verb.allow_abbrev = False
    verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON value")
    if wait:
        verb.add_argument("--wait", action="store_true", help="show the job's log and wait until it is over")
    return verb


def _named(verbs: _Verbs[_Parser], name: str, what: str, *, wait: bool = False) -> argparse.ArgumentParser:
    verb = _verb(verbs, name, what, wait=wait)
    verb.add_argument("name", metavar="NAME")
    return verb


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)
