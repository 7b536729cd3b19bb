"""How gunicorn serves Roster: requests parsed by llhttp, threads that never wait for a client."""
