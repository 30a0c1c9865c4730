"""Recordings as rows: begun on request, ended with their session, each audited."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents import actors, feed
from agents.models import ScreenRecording
from agents.screen.recording import MAX_BYTES, Recorder
from approvals import audit
from hiveproject.screens import control
from hiveproject.screens.admission import Admission

BEGUN = "screen recording begun"


def path(recording: ScreenRecording) -> Path:
    folder: Path = settings.HIVE_PATHS.recordings(recording.agent.name)
    return folder / f"{recording.pk}.rfb"


def begin(admitted: Admission) -> tuple[ScreenRecording, Recorder]:
    """Raises `OSError` when the file cannot be made; then there is no row either."""
    with transaction.atomic():
        recording = ScreenRecording.objects.create(agent=admitted.agent, user=admitted.user)
        recorder = Recorder(path(recording))
        audit.record(BEGUN, actor=actors.operator(admitted.user.get_username()), agent=admitted.agent.name)
        feed.publish(control.TOPIC, admitted.agent.pk)
    return recording, recorder


def end(recording: ScreenRecording, recorder: Recorder) -> None:
    """Close the file and say how long it became."""
    recorder.close()
    note = f"Ended at {MAX_BYTES >> 20} MiB: a recording becomes no longer." if recorder.is_full else ""
    with transaction.atomic():
        rows = ScreenRecording.objects.filter(pk=recording.pk)
        rows.update(ended_at=timezone.now(), size=recorder.size, note=note)
        feed.publish(control.TOPIC, recording.agent_id)


def piece(recording: ScreenRecording, offset: int, length: int) -> bytes:
    """So many bytes of the file from `offset` on; fewer at its end. Raises `OSError`."""
    with path(recording).open("rb") as file:
        file.seek(offset)
        return file.read(length)
