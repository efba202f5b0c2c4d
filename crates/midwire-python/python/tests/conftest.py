"""Puts the package of this repository before any other of the same name."""

import pathlib
import sys

ROOT = str(pathlib.Path(__file__).resolve().parent.parent)
sys.path.insert(0, ROOT)

import mitmproxy  # noqa: E402

assert mitmproxy.__file__ is not None and mitmproxy.__file__.startswith(ROOT), (
    f"the tests would run against another mitmproxy: {mitmproxy.__file__}"
)
