"""Starting, writing and downloading exports."""
