"""Bulk actions: what is done to all people of a selection, by a worker, one after the other."""
