"""Limits of the kernel for programs that work on what an agent wrote (prlimit(1))."""

from __future__ import annotations

MEBIBYTE = 1024 * 1024


def limited(*, memory: int, seconds: float, file_size: int) -> list[str]:
    """Words to put before a command: bytes of address space, seconds of processor time, bytes of one file."""
    limits = {"as": memory, "cpu": int(seconds), "fsize": file_size, "core": 0}
    return ["prlimit", *(f"--{name}={value}" for name, value in limits.items()), "--"]
