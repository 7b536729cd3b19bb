"""What schemas tell the engine of their fields: rules, extensions, loaders."""
