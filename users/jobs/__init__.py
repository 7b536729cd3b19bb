"""Jobs: what bulk actions, exports and imports have in common."""
