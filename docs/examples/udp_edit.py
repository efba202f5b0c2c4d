"""Drop or change datagrams: one whose content becomes empty is not sent."""


def udp_message(flow):
    message = flow.messages[-1]
    if message.content.startswith(b"noise"):
        message.content = b""
    elif message.from_client:
        message.content = b"[" + message.content + b"]"
