"""Play a server that does not exist yet: answers for some paths, all else goes on."""

import json

from mitmproxy import http

ANSWERS = {
    ("GET", "/api/users/1"): {"id": 1, "name": "Ada"},
    ("POST", "/api/users"): {"id": 2},
}


def request(flow):
    path = flow.request.path.partition("?")[0]
    answer = ANSWERS.get((flow.request.method, path))
    if answer is not None:
        status = 201 if flow.request.method == "POST" else 200
        fields = {"content-type": "application/json"}
        flow.response = http.Response.make(status, json.dumps(answer), fields)
