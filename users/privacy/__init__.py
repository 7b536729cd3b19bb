"""What people may have of us: their data, and to be forgotten."""
