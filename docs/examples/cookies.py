"""Take a tracking cookie out of requests, and make all cookies of responses secure."""


def request(flow):
    cookies = flow.request.cookies
    if "_track" in cookies:
        del cookies["_track"]


def response(flow):
    lines = flow.response.headers.get_all("set-cookie")
    flow.response.headers.set_all(
        "set-cookie", [line if "secure" in line.lower() else line + "; Secure" for line in lines]
    )
