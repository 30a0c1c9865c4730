"""Rules about files of any kind."""
