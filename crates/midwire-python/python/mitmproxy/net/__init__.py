"""Pieces of network protocols."""
