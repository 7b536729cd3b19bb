"""Starting, running and canceling bulk actions."""
