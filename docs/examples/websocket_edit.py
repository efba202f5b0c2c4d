"""Change and drop WebSocket messages, and say something of our own."""

from mitmproxy import ctx


def websocket_message(flow):
    message = flow.websocket.messages[-1]
    if message.injected or not message.is_text:
        return
    if "ping" in message.text:
        message.drop()
    elif message.from_client:
        message.text = message.text.replace("hello", "hi")
        if message.text == "bye":
            ctx.master.commands.call("inject.websocket", flow, True, b"so soon?")
