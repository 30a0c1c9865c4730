"""Variables that decide which programs are loaded, whom they trust, or which account they use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from approvals.risks.change import Change
from approvals.risks.flags import Flag
from approvals.risks.wording import cited, named

_LOADING = (
    "LD_.*|PATH|PYTHON.*|NODE_OPTIONS|NODE_PATH|NODE_REPL_.*|PERL5.*|PERLLIB|RUBYOPT|RUBYLIB|GEM_.*|CLASSPATH|LUA_.*"
    "|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|JAVA_HOME|DOTNET_STARTUP_HOOKS|GCONV_PATH|LOCPATH|GLIBC_TUNABLES"
    "|BASH_ENV|BASH_FUNC_.*|ENV|SHELL|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|PS4|IFS|CDPATH|EDITOR|VISUAL|PAGER|BROWSER"
    "|LESSOPEN|LESSCLOSE|RUSTC.*|CARGO_.*|MAKEFLAGS|CC|CXX|LDFLAGS|CFLAGS|PIP_.*|UV_.*|NPM_CONFIG_.*|GOPROXY|GOFLAGS"
    "|GOSUMDB|NIX_.*|TMPDIR|OPENSSL_CONF|OPENSSL_ENGINES"
)
_TRUST = (
    "GIT_.*|SSH_.*|(?:HTTP|HTTPS|ALL|NO|FTP)_PROXY|SSL_CERT_.*|CURL_CA_BUNDLE|CURL_HOME|REQUESTS_CA_BUNDLE"
    "|NODE_EXTRA_CA_CERTS|NODE_TLS_REJECT_UNAUTHORIZED|RES_OPTIONS|HOSTALIASES|LOCALDOMAIN|.*_BASE_URL|.*_ENDPOINT(?:_URL)?"
)
_ACCOUNT = (
    "HOME|USER|LOGNAME|XDG_.*|CLAUDE_.*|ANTHROPIC_(?!(?:SMALL_FAST_)?MODEL$).*|OPENAI_.*|AWS_.*|GOOGLE_.*|GCLOUD_.*"
    "|AZURE_.*|GITHUB_.*|GH_.*|KUBECONFIG|DOCKER_.*|NETRC|.*(?:API_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(?:_FILE)?"
)
_KINDS = (
    (re.compile(_TRUST), "It decides whom the agent's programs talk to and trust."),
    (re.compile(_ACCOUNT), "It decides which account or secret the agent uses; a secret in git stays there."),
    (re.compile(_LOADING), "It can make every program of the agent load or start other code."),
)


def environment(change: Change) -> Iterator[Flag]:
    before, after = (value if isinstance(value, Mapping) else {} for value in change.option("environment"))
    for name in sorted(map(str, after)):
        why = reason(name)
        if why and (name not in before or before[name] != after[name]):
            verb = "changed" if name in before else "set"
            where = f"hyperhive.environment.{named(name)}"
            yield Flag("environment", "high", where, f"{named(name)} is {verb} to {cited(after.get(name))}. {why}")


def reason(name: str) -> str | None:
    """Why a variable of this name matters; None for one that does not."""
    return next((why for names, why in _KINDS if names.fullmatch(name.upper())), None)
