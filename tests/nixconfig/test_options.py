from __future__ import annotations

import json
from typing import Any

import pytest

from agents.nixconfig import kinds, options
from agents.nixconfig.options import OPTIONS, OptionError, parse, without_effect

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"memoryMax": "lots"}, r"hyperhive\.memoryMax: 'lots' is not a size such as 512M or 2G"),
    ({"memoryMax": "1M"}, "at least 64M"),
    ({"memoryMax": "2G\n"}, "is not a size"),
    ({"memoryMax": 2}, "2 is not a size"),
    ({"cpuQuota": "0%"}, "is not a percentage such as 50%"),
    ({"cpuQuota": "50"}, "is not a percentage"),
    ({"memMax": "2G"}, r"hyperhive\.memMax does not exist; did you mean memoryMax\?"),
    ({"memorymax": "2G"}, r"did you mean memoryMax\?"),
    ({"zzz": 1}, "the options are driver, model"),
    (
        {"allowedBashPatterns": ["*"]},
        r"allowedBashPatterns\[0\]: '\*' is not a pattern for commands: the command's name",
    ),
    ({"allowedBashPatterns": ["ls 'x"]}, "a quote is not closed"),
    ({"allowedTools": ["Bash"]}, "Bash is never given"),
    ({"allowedTools": ["Bash(git *)"]}, "the shell is mcp__bash__run"),
    ({"extraMcpServers": {"hyperhive": {"command": "x"}}}, "are taken"),
    ({"gui": {"enabled": True}}, r"hyperhive\.gui\.enabled does not exist; did you mean gui\.enable\?"),
    ({"gui": True}, r"hyperhive\.gui: true is not a set"),
    ({"driver": "gpt"}, r"hyperhive\.driver: 'gpt' is not one of claude, acp, scripted"),
    ({"driver": None}, "null is not one of"),
    ({"network": "bridge"}, "is not one of private, host"),
    ({"instructions": 1}, "1 is not a string; write it in quotes"),
    ({"instructions": "a\0b"}, "is not a string"),
    ({"allowedRecipients": "alice"}, "is not a list of recipient"),
    ({"allowedRecipients": ["Bob"]}, r"hyperhive\.allowedRecipients\[0\]: agent name 'Bob' is not allowed"),
    ({"allowedRecipients": ["../x"]}, "is not allowed"),
    ({"environment": {"HIVE_PORT": "1"}}, "the hive keeps HIVE_"),
    ({"environment": {"A B": "1"}}, "a name is letters, digits and '_'"),
    ({"environment": {"A": 1}}, r"hyperhive\.environment\.A: 1 is not a string"),
    ({"turnTimeout": True}, "true is not a whole number from 1"),
    ({"turnTimeout": 0}, "is not a whole number"),
    ({"autoCompact": 101}, "from 1 to 100"),
    ({"budget": {"costPerDay": -1}}, "is not a number of 0 or more"),
    ({"extraMcpServers": {"a__b": {"command": "x"}}}, "cannot name a server"),
    ({"extraMcpServers": {"hive": {"command": "x"}}}, "'hive', 'hyperhive' and 'bash' are taken"),
    ({"extraMcpServers": {"a": {}}}, "set either command or url"),
    ({"extraMcpServers": {"a": {"command": "x", "url": "http://x"}}}, "set either command or url"),
    ({"extraMcpServers": {"a": {"comand": "x"}}}, r"a\.comand does not exist; did you mean command\?"),
    ({"extraMcpServers": {"a": {"url": "file:///x"}}}, "begins with http"),
    ({"placement": {"labels": ["a b"]}}, r"hyperhive\.placement\.labels\[0\]: 'a b' is not a label"),
    ({"model": "x" * 500, "driver": "y" * 500}, "…"),
    ({"model": "--dangerously-skip-permissions"}, "is not the name of a model"),
    ({"model": "opus\n"}, "is not the name of a model"),
    ({"allowedTools": ["Read", "--dangerously-skip-permissions"]}, r"allowedTools\[1\]: .* is not a rule for a tool"),
    ({"allowedTools": ["Read\n--x"]}, "is not a rule for a tool"),
    ({"instructions": "x" * 70_000}, "has 70000 bytes, at most 65536"),
    ({"environment": {"IFS": "x"}}, "environment variable 'IFS' is not allowed"),
    ({"environment": {"A": "x" * 65_000}}, "the environment is larger than 64512 bytes"),
    ({"memoryMax": "1024T"}, "less than 1024T"),
]


@pytest.mark.parametrize(("raw", "text"), REFUSED)
def test_a_value_that_is_not_of_its_kind(raw: dict[str, Any], text: str) -> None:
    with pytest.raises(OptionError, match=text):
        parse(raw, default_driver="scripted")


def test_every_option_has_a_value() -> None:
    values = parse({}, default_driver="claude")
    assert list(values) == [option.name for option in OPTIONS]
    assert (values["driver"], values["memoryMax"], values["cpuQuota"]) == ("claude", "2G", "50%")
    assert values["allowedRecipients"] is None


def test_defaults_are_of_their_own_kind_and_json() -> None:
    values = parse({}, default_driver="scripted")
    for option in OPTIONS:
        assert option.kind.check(option.path, values[option.name]) == values[option.name]
        assert option.doc
        assert option.kind.name
    assert json.loads(json.dumps(values)) == values


def test_defaults_are_not_shared() -> None:
    options.defaults("scripted")["environment"]["A"] = "1"
    assert options.defaults("scripted")["environment"] == {}


def test_nested_settings_become_dotted() -> None:
    values = parse({"gui": {"enable": True}, "budget": {"costPerDay": 2.5}}, default_driver="scripted")
    assert (values["gui.enable"], values["budget.costPerDay"], values["budget.tokensPerDay"]) == (True, 2.5, None)


def test_a_server_is_completed() -> None:
    servers = parse({"extraMcpServers": {"a": {"command": "x"}}}, default_driver="scripted")["extraMcpServers"]
    assert servers["a"] == {"command": "x", "args": [], "env": {}, "url": None, "headers": {}, "tools": None}


def test_options_that_nothing_enforces_are_named() -> None:
    raw = {"gui": {"enable": True}, "memoryMax": "1G", "project": "x"}
    assert without_effect(raw) == ["hyperhive.project"]


def test_sizes_and_quotas_are_numbers_too() -> None:
    assert (kinds.size_bytes("512M"), kinds.size_bytes("2G"), kinds.cpu_fraction("150%")) == (512 << 20, 2 << 30, 1.5)
    with pytest.raises(ValueError, match="is not a size"):
        kinds.size_bytes("x")


def test_the_default_driver_must_exist() -> None:
    with pytest.raises(OptionError, match="the default driver"):
        options.defaults("gpt")
