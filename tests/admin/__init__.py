"""The admin: our sessions get one in, staff look, services write."""
