"""What runs a turn. `base` is the interface; each driver is a module or package of its own."""
