"""Limits where no control group can be written."""

from __future__ import annotations

from tests.containers.hive import Hive


def test_each_process_has_the_memory_limit_and_the_log_says_so(hive: Hive) -> None:
    body = (
        "def take():\n  try: return len(bytearray(400 << 20))\n  except MemoryError: return 'refused'\nreport(take())"
    )
    hive.run(body, memory_max="200M")
    assert hive.answer() == "refused"
    assert any("RLIMIT_DATA" in line for line in hive.containers.logs("alice"))


def test_its_memory_folders_are_bounded(hive: Hive) -> None:
    hive.run("fs = os.statvfs('/home/alice'); report(fs.f_blocks * fs.f_frsize)", memory_max="64M")
    assert hive.answer() == 64 << 20
