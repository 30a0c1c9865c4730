"""Builds and evaluations that get something from the network."""

from __future__ import annotations

import re

from approvals.risks.nix.rule import Findings, Rule
from approvals.risks.nix.source import Source

_BUILTINS = "fetchTarball|fetchGit|fetchMercurial|fetchTree|fetchurl|fetchClosure|getFlake"
_PACKAGES = (
    "fetch(?:From[A-Z][A-Za-z]*|zip|git|gitLocal|gitPrivate|patch2?|svn|svnssh|svnrevision|hg|cvs|bzr|darcs|fossil|mtn"
    "|s3|ipfs|pijul|torrent|docker|Docker|MavenArtifact|Pypi|PyPi|Crate|DebianPatch|NpmDeps|YarnDeps|PnpmDeps"
    "|CargoTarball|CargoVendor|NuGet|NextcloudApp|FirefoxAddon|Hex|MixDeps|RepoProject|RadiclePatch|ItchIo|urlBoot)"
    "|requireFile|pullImage|fetchurlBoot|importNpmLock|importCargoLock"
)
_FETCHER = re.compile(f"(?:__)?(?:{_BUILTINS}|{_PACKAGES})")
_OPEN_BUILD = frozenset(
    ["outputHash", "outputHashAlgo", "__noChroot", "__impure", "__impureHostDeps", "impureEnvVars", "sandboxProfile"]
)


def _fetchers(source: Source) -> Findings:
    for at, name in source.words:
        if _FETCHER.fullmatch(name):
            yield at, name


def _open_builds(source: Source) -> Findings:
    keys = {name for binding in source.structure.bindings for name in binding.path}
    for at, name in source.words:
        if name in _OPEN_BUILD and name in keys:
            yield at, name


RULES = (
    Rule(
        "fetcher",
        "high",
        "What is downloaded is not part of the diff that you see.",
        _fetchers,
    ),
    Rule(
        "open-build",
        "high",
        "Such a build may use the network or the machine: what it makes is not part of the diff that you see.",
        _open_builds,
    ),
)
