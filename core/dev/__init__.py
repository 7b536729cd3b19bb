"""For development and the demo: servers on one machine, and an inbox."""
