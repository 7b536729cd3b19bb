"""Hand-written tables of expected behaviour."""
