"""Rules about the effective `hyperhive.*` options."""
