"""Pieces of DNS: numbers, domain names, service parameters."""
