"""Host a small web application inside of the proxy: http://app.example/ is answered by it."""

from mitmproxy.addons import asgiapp


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello from " + environ["PATH_INFO"].encode()]


addons = [asgiapp.WSGIApp(application, "app.example", 80)]
