"""Take some connections as raw TCP, whatever is said in them.

    midwire dump -s raw_tcp.py"""

from mitmproxy.proxy import layers


def next_layer(nextlayer):
    if nextlayer.data_client().startswith(b"RAW "):
        nextlayer.layer = layers.TCPLayer(nextlayer.context)
