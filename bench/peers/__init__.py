"""The peers: other frameworks on the same data, tuned by their documentation."""

from typing import Final

# The peers page by the primary key and join the profile by it. PostgreSQL would choose a merge
# join, which reads the profiles of all users before the page; nested loops read 50.
SESSION_OPTIONS: Final = "-c enable_mergejoin=off"
