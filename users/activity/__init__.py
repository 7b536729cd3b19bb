"""What happened: append-only events and the daily figures rolled up from them."""
