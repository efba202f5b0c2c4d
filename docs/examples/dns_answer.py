"""Answer questions about a domain ourselves; all others go to the server."""

from mitmproxy import dns
from mitmproxy.net.dns import types


def dns_request(flow):
    question = flow.request.question
    if question is None or not question.name.endswith(".test"):
        return
    if question.type == types.A:
        flow.response = flow.request.succeed([dns.ResourceRecord.A(question.name, _address(), ttl=10)])
    else:
        flow.response = flow.request.succeed([])


def _address():
    import ipaddress

    return ipaddress.IPv4Address("127.0.0.1")
