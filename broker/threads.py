"""Threads for what blocks: database reads and files. Few, of the broker's own, so that no page can starve them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from broker import sql

P = ParamSpec("P")
T = TypeVar("T")
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="broker")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` in one of the broker's threads. Its database connection stays open for the next one."""
    return await asyncio.get_running_loop().run_in_executor(_pool, _connected, partial(function, *args, **kwargs))


def _connected(function: Callable[[], T]) -> T:
    sql.refresh()
    return function()
