"""Dead letters: messages that could not be delivered, to be delivered again or given up."""

from __future__ import annotations

from collections.abc import Callable

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.urls import reverse

from broker import deadletters
from hiveproject.dashboard.requests import HiveRequest, done, operators_only, refused, show

PANELS = {"dead-letters": "messages/_dead_letters.html"}
_PAGE = 40
_WHAT: dict[str, tuple[Callable[[int], bool], str]] = {
    "retry": (deadletters.retry, "delivered again as soon as its recipient reads"),
    "discard": (deadletters.discard, "given up"),
}


def dead_letters(request: HiveRequest) -> HttpResponse:
    page = Paginator(deadletters.waiting(), _PAGE).get_page(request.GET.get("page"))
    return show(request, "messages/dead_letters.html", PANELS, {"page": page})


@operators_only
def decide(request: HiveRequest, what: str) -> HttpResponse:
    """Retry or discard the chosen one, or all that there are up to `upto`."""
    act, words = _WHAT[what]
    back, chosen = reverse("dead-letters"), request.POST.get("delivery", "")
    if chosen == "all":
        count = sum(act(ident) for ident in deadletters.waiting().values_list("pk", flat=True))
        return done(request, f"{count} dead letters: {words}." if count else "There is none any more.", back)
    if not chosen.isdecimal() or len(chosen) > 18:
        return refused(request, "Nothing was done: say which dead letter.", back)
    if not act(int(chosen)):
        return refused(request, "Nothing was done: somebody has decided about it already.", back)
    return done(request, f"The message is {words}.", back)
