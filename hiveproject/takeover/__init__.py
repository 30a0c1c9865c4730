"""The hive's extension of its web server: websockets that are taken over from daphne once they are accepted.

`agents.takeover` says what a consumer sees of it.
"""
