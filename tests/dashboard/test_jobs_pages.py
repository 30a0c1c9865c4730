from __future__ import annotations

import pytest
from django.test import Client

from agents.models import Job, JobLine
from hiveproject.dashboard import jobs
from tests import builders

pytestmark = pytest.mark.django_db


def job(lines: int, **fields: object) -> Job:
    made = Job.objects.create(agent=builders.agent("alice"), kind="start", requested_by="operator:ada", **fields)
    JobLine.objects.bulk_create(JobLine(job=made, text=f"line {number}.") for number in range(lines))
    return made


def test_a_log_goes_on_where_it_was_read_to(client: Client) -> None:
    running = job(3, status="running")
    last = running.lines.last()
    assert last is not None
    page = client.get(f"/jobs/{running.pk}/").content.decode()
    assert f"/jobs/{running.pk}/lines/?after={last.pk}" in page
    JobLine.objects.create(job=running, text="and more")
    more = client.get(f"/jobs/{running.pk}/lines/?after={last.pk}").content.decode()
    assert ("and more" in more, "line 2." in more) == (True, False)


def test_a_log_that_is_over_asks_for_nothing_more(client: Client) -> None:
    over = job(1, status="done")
    last = over.lines.get().pk
    assert "hx-get" not in client.get(f"/jobs/{over.pk}/lines/?after={last}").content.decode()


@pytest.mark.parametrize("after", ["x", "-1", "9" * 40])
def test_a_strange_place_in_the_log_reads_from_the_start(client: Client, after: str) -> None:
    running = job(1, status="running")
    assert "line 0." in client.get(f"/jobs/{running.pk}/lines/", {"after": after}).content.decode()


def test_a_very_long_log_shows_its_end_first(client: Client) -> None:
    long = job(jobs._LINES + 5, status="failed", error="no room")
    page = client.get(f"/jobs/{long.pk}/").content.decode()
    assert "5 earlier lines are not shown" in page
    assert "line 4.<" not in page
    assert "line 4.<" in client.get(f"/jobs/{long.pk}/?whole").content.decode()


def test_jobs_are_paged(client: Client) -> None:
    alice = builders.agent("alice")
    Job.objects.bulk_create(Job(agent=alice, kind="start", requested_by="operator:ada") for _ in range(50))
    assert 'href="?page=2"' in client.get("/jobs/").content.decode()
