"""What Roster is measured against: the same data, served by others as their manuals advise."""

from typing import Final

# The peers page by the primary key and join the profile by it. PostgreSQL takes that for a merge
# join that ends soon, and reads the profiles of everybody before the page; nested loops read 50.
SESSION_OPTIONS: Final = "-c enable_mergejoin=off"
