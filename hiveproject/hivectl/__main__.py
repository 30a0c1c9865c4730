"""`python -m hiveproject.hivectl`."""

from __future__ import annotations

from hiveproject.hivectl import main

main()
