"""`POST /api/v1/wake/<agent>`: something outside the hive (a webhook, a mail filter) writes to one agent.

On the operator's port only; no session, no cookie: the bearer token is the whole of it. The message is labelled
external, whatever it says of itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.http.request import RawPostDataException
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from agents import naming
from broker import wake_tokens
from broker.schemas import FieldRefused, check
from broker.sending import SendRefused
from broker.wake_tokens import MAX_BODY, MAX_KEY, TooOften

_FIELDS = {
    "required": ["body"],
    "properties": {
        "body": {"type": "string", "minLength": 1, "maxLength": MAX_BODY},
        "idempotency_key": {"type": "string", "maxLength": MAX_KEY, "default": ""},
    },
}


@dataclass(frozen=True)
class Given:
    """What was posted."""

    body: str
    key: str


class Unreadable(Exception):
    """The request cannot be taken; `status` is the answer's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@csrf_exempt
@login_not_required
@require_POST
def wake(request: HttpRequest, name: str) -> JsonResponse:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = wake_tokens.holder(naming.resolve_alias(name), secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        refusal = _refused(401, "the bearer token is missing, revoked, or not for this agent")
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    try:
        given = _read(request)
        sent = wake_tokens.wake(token, given.body, idempotency_key=given.key)
    except Unreadable as error:
        return _refused(error.status, str(error))
    except TooOften as error:
        refusal = _refused(429, str(error))
        refusal["Retry-After"] = str(error.seconds)
        return refusal
    except SendRefused as error:
        return _refused(409, str(error))
    return JsonResponse({"id": sent.id, "repeated": sent.repeated}, status=200 if sent.repeated else 202)


def _read(request: HttpRequest) -> Given:
    """JSON with `body` and perhaps `idempotency_key`, or plain text with the key in a header."""
    text = _text(request)
    if request.content_type != "application/json":
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > MAX_KEY:
            raise Unreadable(400, f"Idempotency-Key has more than {MAX_KEY} characters")
        return Given(text, key)
    try:
        fields = json.loads(text)
        if not isinstance(fields, dict):
            raise FieldRefused("the body must be a JSON object")
        checked = check(_FIELDS, fields, closed=True)
    except (ValueError, RecursionError) as error:
        raise Unreadable(400, "the body is not JSON") from error
    except FieldRefused as refusal:
        raise Unreadable(400, str(refusal)) from refusal
    return Given(checked["body"], checked["idempotency_key"])


def _text(request: HttpRequest) -> str:
    if request.content_type not in ("application/json", "text/plain"):
        raise Unreadable(415, "send application/json or text/plain")
    too_large = Unreadable(413, f"at most {MAX_BODY} bytes are taken")
    try:
        raw = request.body
    except (RequestDataTooBig, RawPostDataException) as error:
        raise too_large from error
    if len(raw) > MAX_BODY:
        raise too_large
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(400, "the body is not UTF-8") from error


def _refused(status: int, text: str) -> JsonResponse:
    return JsonResponse({"error": text}, status=status)
