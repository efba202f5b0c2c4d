"""Replace bytes in raw TCP. A message is what came at once: it has no borders of its own."""

import logging


def tcp_message(flow):
    message = flow.messages[-1]
    message.content = message.content.replace(b"secret", b"public")
    logging.info("%s %r", "->" if message.from_client else "<-", message.content)
