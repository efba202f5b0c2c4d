"""Typed netstrings, the encoding of flow files."""

from mitmproxy._tnetstring import TSerializable, dump, dumps, load, loads, parse, pop, split

__all__ = ["TSerializable", "dump", "dumps", "load", "loads", "parse", "pop", "split"]
