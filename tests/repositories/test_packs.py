from __future__ import annotations

import random
from collections import Counter

import pytest

from agents.paths import Paths
from agents.repositories.applied import Applied
from agents.repositories.git import git
from agents.repositories.packs import PackDamaged, declared_sizes, object_count
from tests.repositories.builders import commit_files, emitted, handmade, run_git, seeded


def test_sizes_agree_with_gits_own(paths: Paths, applied: Applied) -> None:
    folder, words = seeded(paths), [f"word{number}" for number in range(4000)]
    chance = random.Random(1)
    for _ in range(6):
        words[chance.randrange(len(words))] = "changed"
        commit = commit_files(folder, {"agent.nix": b"{ }\n", "long": " ".join(words).encode()})
    run_git(folder, "repack", "-a", "-d", "-f", "--quiet")
    pack = emitted(paths, commit).read_bytes()
    applied.receive(emitted(paths, commit), commit, tag="proposal/1")
    words_ = ["cat-file", "--batch-all-objects", "--batch-check=%(objectsize)"]
    objects = Counter(int(line) for line in git(applied.path, *words_).split())
    told = Counter(declared_sizes(pack))
    assert object_count(pack) == objects.total() < told.total()  # deltas tell two sizes
    assert objects - told == Counter()


def test_random_damage_ends_in_damage_or_in_sizes() -> None:
    pack, _ = handmade({"agent.nix": b"{ }\n" * 100, "other": bytes(range(256))})
    chance = random.Random(2)
    ends: Counter[str] = Counter()
    for _ in range(2000):
        broken = bytearray(pack)
        broken[chance.randrange(8, len(broken))] ^= 1 << chance.randrange(8)
        try:
            for size in declared_sizes(bytes(broken)):
                if size > 1 << 20:
                    break
            ends["sizes"] += 1
        except PackDamaged:
            ends["damage"] += 1
    assert ends["damage"] > 100


@pytest.mark.parametrize("data", [b"", b"PACK", b"PACK\0\0\0\3" + bytes(40), b"KCAP\0\0\0\2" + bytes(40)])
def test_other_bytes_are_no_pack(data: bytes) -> None:
    with pytest.raises(PackDamaged):
        object_count(data)


def test_an_endless_size_is_damage_at_once() -> None:
    with pytest.raises(PackDamaged, match="64 bits"):
        list(declared_sizes(b"PACK\0\0\0\2\0\0\0\1" + b"\xff" * 10_000_000))
