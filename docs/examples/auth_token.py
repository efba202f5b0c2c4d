"""Log in for a client that cannot: remember the token of the last login and send it along."""

import json

tokens = {}


def request(flow):
    token = tokens.get(flow.request.host)
    if token and "authorization" not in flow.request.headers:
        flow.request.headers["authorization"] = f"Bearer {token}"


def response(flow):
    if not flow.request.path.startswith("/login"):
        return
    try:
        answer = flow.response.json()
    except (ValueError, TypeError, json.JSONDecodeError):
        return
    if isinstance(answer, dict) and "token" in answer:
        tokens[flow.request.host] = answer["token"]
