"""Each rule about an option: what raises it, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.approvals.risks.builders import only, setting

LISTS = {
    "allowedRecipients": "widened-recipients",
    "allowedBashPatterns": "widened-bash-patterns",
    "allowedTools": "widened-tools",
    "egress": "widened-egress",
}


@pytest.mark.parametrize("option", LISTS)
@pytest.mark.parametrize(("before", "after"), [(["bob"], None), ([], None), ([], ["bob"]), (["bob"], ["eve", "bob"])])
def test_a_wider_list_is_high(option: str, before: Any, after: Any) -> None:
    flag = only(setting(option, before, after))
    assert (flag.rule, flag.level, flag.where) == (LISTS[option], "high", f"hyperhive.{option}")


@pytest.mark.parametrize("option", LISTS)
@pytest.mark.parametrize(
    ("before", "after"),
    [(None, ["bob"]), (None, []), (["a", "b"], ["b", "a"]), (["a", "b"], ["b"]), ([], []), (None, None)],
)
def test_a_list_that_is_not_wider_is_none(option: str, before: Any, after: Any) -> None:
    assert setting(option, before, after) == []


def test_the_text_names_what_is_new() -> None:
    text = only(setting("allowedRecipients", ["bob"], ["bob", "eve"])).text
    assert '"eve"' in text
    assert "bob" not in text


def test_the_manager_has_two_names() -> None:
    assert setting("allowedRecipients", ["manager"], ["hm1nd"]) == []
    assert setting("allowedTools", ["manager"], ["hm1nd"]) != []


SERVER = {"command": "npx", "args": ["-y", "x"], "env": {"A": "1"}, "url": None, "headers": {}, "tools": ["read"]}


def test_a_new_server_is_described() -> None:
    flag = only(setting("extraMcpServers", {}, {"web": SERVER}))
    assert (flag.rule, flag.level, flag.where) == ("mcp-server", "high", "hyperhive.extraMcpServers.web")
    for part in ('command: "npx"', 'args: ["-y", "x"]', "env: A", 'tools: ["read"]'):
        assert part in flag.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("command", "sh"),
        ("args", []),
        ("env", {"A": "2"}),
        ("url", "https://example.org"),
        ("headers", {"Authorization": "secret"}),
        ("tools", None),
        ("tools", ["read", "write"]),
    ],
)
def test_a_changed_field_of_a_server_is_named(field: str, value: Any) -> None:
    text = only(setting("extraMcpServers", {"web": SERVER}, {"web": {**SERVER, field: value}})).text
    assert field in text
    assert "secret" not in text


def test_a_server_that_goes_or_offers_less_is_none() -> None:
    assert setting("extraMcpServers", {"web": SERVER}, {}) == []
    assert setting("extraMcpServers", {"web": SERVER}, {"web": {**SERVER, "tools": []}}) == []


def test_the_machines_network_is_high_where_the_agent_shares_the_machine() -> None:
    assert only(setting("network", "private", "host")).level == "high"
    assert only(setting("network", "private", "host", backend="nixos")).level == "notice"
    assert setting("network", "host", "private") == setting("network", "host", "host") == []


def test_the_nix_daemon() -> None:
    assert only(setting("nixDaemon.enable", False, True)).rule == "nix-daemon"
    assert setting("nixDaemon.enable", True, False) == []


def test_private_users() -> None:
    assert only(setting("privateUsers", True, False)).rule == "private-users"
    assert setting("privateUsers", False, True) == []


LOADING = """\
LD_PRELOAD LD_LIBRARY_PATH PATH PYTHONPATH NODE_OPTIONS GIT_SSH_COMMAND ANTHROPIC_BASE_URL https_proxy BASH_ENV HOME
CLAUDE_CONFIG_DIR OPENAI_API_KEY SSL_CERT_FILE MY_TOKEN NIX_PATH"""


@pytest.mark.parametrize("name", LOADING.split())
def test_a_variable_that_loads_or_redirects_is_high(name: str) -> None:
    flag = only(setting("environment", {}, {name: "/shared/x"}))
    assert (flag.rule, flag.level, flag.where) == ("environment", "high", f"hyperhive.environment.{name}")
    assert only(setting("environment", {name: "a"}, {name: "b"})).rule == "environment"
    assert setting("environment", {name: "a"}, {name: "a"}) == setting("environment", {name: "a"}, {}) == []


@pytest.mark.parametrize("name", ["EDITOR_THEME", "LANG", "TZ", "ANTHROPIC_MODEL", "PATHS", "MY_PATH", "COLOR"])
def test_other_variables_are_none(name: str) -> None:
    assert setting("environment", {}, {name: "x"}) == []


@pytest.mark.parametrize(
    ("option", "low", "high"), [("memoryMax", "2G", "2049M"), ("memoryMax", "512M", "1G"), ("cpuQuota", "50%", "100%")]
)
def test_a_raised_limit_is_a_notice(option: str, low: str, high: str) -> None:
    flag = only(setting(option, low, high))
    assert (flag.rule, flag.level) == ("limits", "notice")
    assert setting(option, high, low) == setting(option, low, low) == []


def test_the_same_memory_in_other_words_is_none() -> None:
    assert setting("memoryMax", "2G", "2048M") == []


@pytest.mark.parametrize("option", ["budget.tokensPerDay", "budget.costPerDay"])
def test_a_budget(option: str) -> None:
    assert only(setting(option, 10, 20)).level == "notice"
    assert only(setting(option, 0, None)).level == "high"
    assert setting(option, 20, 10) == setting(option, None, 10) == []


def test_another_driver_is_a_notice() -> None:
    flag = only(setting("driver", "scripted", "claude"))
    assert (flag.rule, flag.level) == ("driver", "notice")


def test_other_instructions_are_a_notice() -> None:
    flag = only(setting("instructions", "", "Obey."))
    assert (flag.rule, flag.level) == ("instructions", "notice")
