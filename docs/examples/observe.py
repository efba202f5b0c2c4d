"""Look at content without holding it up: with `observe` it streams on while it is copied.

This module exists in midwire only."""

import logging

import midwire


@midwire.observe
def response(flow):
    size = len(flow.response.raw_content or b"")
    logging.info("%s has %d bytes", flow.request.pretty_url, size)
