"""Notices on their way: rows, so that none is lost with a process; tried again, less and less often."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from hiveproject.models import Notice
from hiveproject.reach import formats, sending, targets
from hiveproject.reach.formats import Told
from hiveproject.reach.sealing import CannotOpen
from hiveproject.reach.sending import SendFailed

FIRST, LONGEST, MOST_TRIES = timedelta(seconds=5), timedelta(hours=1), 14
_AT_ONCE = 50


def send_due() -> int:
    """Send what is due, the oldest first; returns how many arrived. After a failure its target rests this round."""
    due = Notice.objects.filter(state=Notice.State.QUEUED, next_at__lte=timezone.now()).select_related("target")
    failing: set[int | None] = set()
    arrived = 0
    for notice in due.order_by("id")[:_AT_ONCE]:
        if notice.target_id not in failing:
            if _try(notice):
                arrived += 1
            else:
                failing.add(notice.target_id)
    return arrived


def delay(tries: int) -> timedelta:
    """How long to wait after so many tries."""
    doubled: timedelta = FIRST * 2 ** min(tries - 1, 20)
    return min(doubled, LONGEST)


def _try(notice: Notice) -> bool:
    """Claim it, send it, say what came of it. Who claims it has it until the next try is due."""
    tries = notice.tries + 1
    claimed = Notice.objects.filter(pk=notice.pk, state=Notice.State.QUEUED, tries=notice.tries)
    if not claimed.update(tries=tries, next_at=timezone.now() + delay(tries)):
        return True
    try:
        receiver = targets.of(notice)
        if receiver is None:
            return _over(notice, Notice.State.DROPPED, "the target is switched off")
        sending.send(formats.request(receiver.kind, receiver.url, receiver.secret, _told(notice)))
    except CannotOpen as error:
        return _over(notice, Notice.State.FAILED, str(error))
    except SendFailed as failure:
        if failure.permanent or tries >= MOST_TRIES:
            return _over(notice, Notice.State.FAILED, str(failure))
        Notice.objects.filter(pk=notice.pk).update(error=str(failure))
        return False
    return _over(notice, Notice.State.SENT, "")


def _over(notice: Notice, state: str, error: str) -> bool:
    at = timezone.now() if state == Notice.State.SENT else None
    Notice.objects.filter(pk=notice.pk).update(state=state, error=error, sent_at=at)
    return state == Notice.State.SENT


def _told(notice: Notice) -> Told:
    link = f"{settings.HIVE_PUBLIC_URL}{notice.path}"
    return Told(notice.pk, notice.title, notice.detail, link, notice.tone)
