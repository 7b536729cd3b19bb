"""Fields of a schema: declarations, rules, extensions, loaders."""
