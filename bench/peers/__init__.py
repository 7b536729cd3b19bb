"""What Roster is measured against: the same data, served by others as their manuals advise."""
