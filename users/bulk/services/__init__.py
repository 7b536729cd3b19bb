"""Starting bulk actions, carrying them out, and ending them: one module each."""
