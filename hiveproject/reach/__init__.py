"""Reach: what newly needs a person is told outside the hive, once, with a link that asks for a sign-in."""
