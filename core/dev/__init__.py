"""Development and demo: embedded servers, a supervisor and an inbox."""
