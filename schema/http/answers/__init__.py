"""Cached answers of queries: in this process, then shared by all, else computed."""
