"""Pieces of HTTP: URLs, cookies, fields, forms."""
