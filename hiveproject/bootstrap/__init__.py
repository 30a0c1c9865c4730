"""From a fresh clone to a hive that can start: packages of the system, Python's, and the browser's.

Runs with the system's python3 and its standard library alone. Every step is done once; a stamp says for what.
"""
