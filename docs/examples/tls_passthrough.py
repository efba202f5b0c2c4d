"""Do not open TLS to some names: the client sees the server's own certificate."""

PRIVATE = ("bank.example", "health.example")


def tls_clienthello(data):
    name = data.client_hello.sni or ""
    if name in PRIVATE or name.endswith(tuple("." + private for private in PRIVATE)):
        data.ignore_connection = True
