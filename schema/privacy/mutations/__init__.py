"""Mutations of privacy."""
