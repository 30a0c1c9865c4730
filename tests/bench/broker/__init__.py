"""This broker and those that people would put in its place, in one run on one machine: `make bench-broker`."""
