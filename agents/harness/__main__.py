"""`hive-agent` = `python -m agents.harness`: exit 0 asked to end, 1 failed, 2 bad configuration."""

from __future__ import annotations

import asyncio
import signal
import sys

from agents.harness.config import BadConfiguration, Config, load


def main() -> int:
    # Until the loop runs there is no turn to end in order.
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        config = load()
    except BadConfiguration as error:
        sys.stderr.write(f"hive-agent: {error}\n")
        return 2
    return asyncio.run(_serve(config))


async def _serve(config: Config) -> int:
    from agents.harness.app import Harness

    return await Harness(config).run()


if __name__ == "__main__":
    sys.exit(main())
