"""Tests of how gunicorn serves: byte streams, slow clients, and ends of connections."""
