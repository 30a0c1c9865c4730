"""Which commands may run: a guard rail on top of the sandbox, not a sandbox.

A script is parsed (tree-sitter-bash), every argument vector in it is checked against the agent's patterns, and what
runs is written anew from what was checked. Text that was not understood to the last byte does not run.
"""
