"""An agent's configuration: the `hyperhive.*` options, the first `agent.nix`, and its evaluation."""
