"""Signing the CLI in at the operator's word.

The real CLI is used as far as it goes without its service: it names the address, takes a code, and fails. Where a
sign-in works, a program of the same name and manners stands in for it.
"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.harness.agent import Agent
from tests.harness.claude import reported, started
from tests.harness.hive import Hive

STAND_IN = """#!/bin/sh
case "$1 $2" in
"auth status")
  if [ -s "$CLAUDE_CONFIG_DIR/.credentials.json" ]; then echo '{"loggedIn": true}'; exit 0; fi
  echo '{"loggedIn": false}'; exit 1;;
"auth login")
  echo "Opening browser to sign in"
  echo "If the browser didn't open, visit: https://claude.ai/oauth/authorize?code=true&state=abc"
  printf 'Paste code here if prompted > '
  read code
  if [ "$code" = right-code ]; then
    mkdir -p "$CLAUDE_CONFIG_DIR"
    echo '{"t": 1}' > "$CLAUDE_CONFIG_DIR/.credentials.json"
    echo "Login successful."; exit 0
  fi
  echo "Couldn't log in: the code is not valid"; exit 1;;
esac
exit 1
"""


@pytest.fixture
def signed_out(claude: Agent) -> Agent:
    del claude.env["ANTHROPIC_API_KEY"]
    return claude


@pytest.fixture
def stand_in(signed_out: Agent) -> Agent:
    program = signed_out.home / "bin" / "claude"
    program.unlink()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    return signed_out


def folder(agent: Agent) -> Path:
    return agent.home / ".claude"


async def test_the_real_cli_names_its_address_and_refuses_a_wrong_code(signed_out: Agent, hive: Hive) -> None:
    await started(signed_out, hive)
    begun = await hive.ordered("login_start")
    assert begun["ok"], begun
    assert begun["text"].startswith("https://claude.")
    ended = await hive.ordered("login_code", code="wrong#code")
    assert not ended["ok"]
    assert "the sign-in did not work" in ended["text"]
    assert (await hive.ordered("login_status"))["text"] == "not signed in"


async def test_a_right_code_signs_in_and_messages_go_on(stand_in: Agent, hive: Hive) -> None:
    await started(stand_in, hive)
    await hive.until(lambda: reported(hive, needs_login=True))
    assert (await hive.ordered("login_start"))["text"] == "https://claude.ai/oauth/authorize?code=true&state=abc"
    ended = await hive.ordered("login_code", code="right-code")
    assert (ended["ok"], ended["text"]) == (True, "signed in")
    assert stat.S_IMODE(folder(stand_in).stat().st_mode) == 0o700
    await hive.until(lambda: reported(hive, needs_login=False))
    assert "right-code" not in stand_in.log()


async def test_a_wrong_code_says_what_the_cli_said_and_it_can_be_tried_again(stand_in: Agent, hive: Hive) -> None:
    await started(stand_in, hive)
    await hive.ordered("login_start")
    ended = await hive.ordered("login_code", code="some-code")
    assert not ended["ok"]
    assert "the code is not valid" in ended["text"]
    assert not (await hive.ordered("login_code", code="right-code"))["ok"]
    await hive.ordered("login_start")
    assert (await hive.ordered("login_code", code="right-code"))["ok"]


async def test_what_is_no_code_is_refused_and_one_that_waits_can_be_given_up(stand_in: Agent, hive: Hive) -> None:
    await started(stand_in, hive)
    assert "no sign-in waits" in (await hive.ordered("login_code", code="right-code"))["text"]
    await hive.ordered("login_start")
    assert "is no code" in (await hive.ordered("login_code", code="two words"))["text"]
    assert (await hive.ordered("login_cancel"))["text"] == "given up"
    assert "no sign-in waits" in (await hive.ordered("login_code", code="right-code"))["text"]
