"""How fast screens are carried, beside websockify and a bare forwarder: one server, one client, one run."""
