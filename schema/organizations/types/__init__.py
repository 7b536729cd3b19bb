"""Types of organisations."""
