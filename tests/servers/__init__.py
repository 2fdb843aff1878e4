"""Real servers on loopback, and our own small ones for garbage, silence, slowness."""
