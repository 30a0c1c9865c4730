"""How the host proves itself to a VNC server. The credentials stay on the host."""

from __future__ import annotations

import hashlib
import secrets
import struct
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from agents.screen.rfb import RfbError

CHALLENGE = 16
_FIELD = 64
_EXPONENT_BITS = 256
_KEY_BYTES = range(16, 513)
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class Credentials:
    """`username` is the user whom the server runs as: Weston takes no other, even where every password is right."""

    username: str = "root"
    password: str = ""


def vnc_response(challenge: bytes, password: str) -> bytes:
    """VNC authentication (RFC 6143, 7.2.2): the challenge, DES-encrypted with the password's first eight bytes."""
    key = password.encode()[:8].ljust(8, b"\0").translate(_MIRRORED)
    encryptor = Cipher(TripleDES(key * 3), ECB()).encryptor()  # noqa: S305 - the protocol's; one DES, thrice the same
    return bytes(encryptor.update(challenge))


def apple_length(head: bytes) -> int:
    """Length of a server's whole offer of type 30, from its first four bytes. Raises `RfbError`."""
    size: int = struct.unpack(">HH", head)[1]
    if size not in _KEY_BYTES:
        raise RfbError(f"the screen offers a key of {size} bytes, which is not accepted")
    return 4 + 2 * size


def apple_response(offer: bytes, credentials: Credentials) -> bytes:
    """Type 30: user name and password, AES-128 under the MD5 of a Diffie-Hellman secret, then our public key."""
    generator, size = struct.unpack(">HH", offer[:4])
    prime = int.from_bytes(offer[4 : 4 + size], "big")
    theirs = int.from_bytes(offer[4 + size :], "big")
    if prime < 5 or prime % 2 == 0:
        raise RfbError("the screen offers a key exchange without a prime")
    private = secrets.randbits(_EXPONENT_BITS) | 1
    shared = pow(theirs, private, prime).to_bytes(size, "big")
    encryptor = Cipher(AES(_md5(shared)), ECB()).encryptor()  # noqa: S305 - the protocol's
    plain = _field(credentials.username) + _field(credentials.password)
    public: bytes = pow(generator, private, prime).to_bytes(size, "big")
    return bytes(encryptor.update(plain)) + public


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _field(text: str) -> bytes:
    """NUL-terminated, then noise: an empty rest would let the same text look the same."""
    cut = text.encode()[: _FIELD - 1] + b"\0"
    return cut + secrets.token_bytes(_FIELD - len(cut))
