"""Emoji short codes that serve as markers."""

import re
from typing import Dict

emoji: Dict[str, str] = {
    ":default:": "●",
    ":+1:": "👍",
    ":-1:": "👎",
    ":100:": "💯",
    ":apple:": "🍎",
    ":bug:": "🐛",
    ":fire:": "🔥",
    ":grapes:": "🍇",
    ":heart:": "❤️",
    ":red_circle:": "🔴",
    ":star:": "⭐",
    ":warning:": "⚠️",
    ":x:": "❌",
}
"""Some short codes. The complete table is in the core, which checks markers."""

_CODE = re.compile(r":[a-z0-9_+\-’'.&()!*]+:\Z", re.IGNORECASE)


def is_marker(text: str) -> bool:
    """Can this be a marker: a short code, or one letter or digit?"""
    if len(text) == 1:
        return text.isascii() and text.isalnum()
    return bool(_CODE.match(text))
