"""Addresses that the hive may send to: an operator names them, so other machines of the network are fine."""

from __future__ import annotations

from urllib.parse import urlsplit

PLACE = "{secret}"
"""Stands for the target's secret in an address whose path is itself one, such as a Slack webhook's."""
_LONGEST = 2_000


class AddressRefused(ValueError):
    """Nothing is sent to such an address; the text says why."""


def checked(url: str) -> str:
    """The address if something can be sent there. Raises `AddressRefused`."""
    if not url or len(url) > _LONGEST or any(character.isspace() or not character.isprintable() for character in url):
        raise AddressRefused("an address has no white space and at most 2,000 characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused(f"that is no address: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise AddressRefused("an address begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("a password does not belong into the address: put it into the secret")
    if not parts.hostname or port == 0:
        raise AddressRefused("an address names a host: https://ntfy.example.org/hive")
    if PLACE in parts.netloc:
        raise AddressRefused(f"{PLACE} can stand in the path of an address, not in its host")
    return url
