"""Avatars: decoding, resizing and storing them."""
