"""The directory: all users, filtered, searched and sorted."""
