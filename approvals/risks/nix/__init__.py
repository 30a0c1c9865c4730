"""Rules about Nix text. They read tokens and bindings, not values: what a file says, not what it comes to."""
