"""Secrets at rest: sealed with a key made of the hive's own, so that the database alone gives nothing away."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class CannotOpen(Exception):
    """It was sealed with another key: the secret has to be given again."""


def seal(secret: str) -> str:
    """The secret as it may stand in the database."""
    return _box().encrypt(secret.encode()).decode()


def opened(sealed: str) -> str:
    """The secret itself. Raises `CannotOpen`."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise CannotOpen("the secret was sealed with another key: give it again") from error


def _box() -> Fernet:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"hyperhive reach secrets").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
