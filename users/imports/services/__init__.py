"""Services of user imports."""
