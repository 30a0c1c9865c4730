"""Huey tasks: ids in, no results out. The rows are the truth."""

from __future__ import annotations

from huey.contrib.djhuey import db_task

from agents import jobs


@db_task()  # type: ignore[untyped-decorator]
def run_job(job_id: int) -> None:
    """Do one job."""
    jobs.run(job_id)


jobs.register_queue(run_job)
