"""Content codings, and text codecs under the same roof.

``gzip`` and ``deflate`` are done here. For ``br`` and ``zstd`` the core is asked first
(``Bridge.encode_content``), then modules that happen to be installed."""

import codecs
import gzip
import importlib
import io
import zlib
from typing import Any, Callable, Dict, Optional, Union

from mitmproxy import _mirror

Data = Union[None, str, bytes]


def encode(decoded: Data, encoding: str, errors: str = "strict") -> Any:
    """Apply a content coding to bytes, or a text codec to text. ``None`` stays ``None``.

    ValueError: unknown coding or data that does not fit; TypeError: wrong type."""
    return _apply(decoded, encoding, errors, custom_encode, "encoding")


def decode(encoded: Data, encoding: str, errors: str = "strict") -> Any:
    """Undo a content coding, or a text codec. ``None`` stays ``None``.

    ValueError: unknown coding or broken data; TypeError: wrong type."""
    return _apply(encoded, encoding, errors, custom_decode, "decoding")


def _apply(
    data: Data,
    encoding: str,
    errors: str,
    custom: Dict[str, Callable[[bytes], bytes]],
    verb: str,
) -> Any:
    if data is None:
        return None
    encoding = encoding.lower()
    try:
        if encoding in custom:
            return custom[encoding](data)  # type: ignore[arg-type]
        if verb == "encoding":
            return codecs.encode(data, encoding, errors)  # type: ignore[arg-type]
        return codecs.decode(data, encoding, errors)  # type: ignore[arg-type]
    except TypeError:
        raise
    except Exception as error:
        kind = type(error).__name__
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        raise ValueError(
            f"{kind} when {verb} {repr(data)[:10]} with {encoding!r}: {error!r}"
        ) from error


def identity(content: bytes) -> bytes:
    """Leave the content as it is."""
    return content


def decode_gzip(content: bytes) -> bytes:
    """Undo gzip (or zlib) framing; what an incomplete stream gives is enough."""
    if not content:
        return b""
    result = []
    rest = content
    while rest:
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            result.append(decoder.decompress(rest) + decoder.flush())
        except zlib.error:
            # Padding after the first member is common and harmless.
            if not result:
                raise
            break
        rest = decoder.unused_data
    return b"".join(result)


def encode_gzip(content: bytes) -> bytes:
    """gzip, level 1, without a time so that equal content gives equal bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def decode_deflate(content: bytes) -> bytes:
    """Undo deflate with or without its zlib frame."""
    if not content:
        return b""
    try:
        return zlib.decompress(content)
    except zlib.error:
        return zlib.decompress(content, -zlib.MAX_WBITS)


def encode_deflate(content: bytes) -> bytes:
    """deflate in a zlib frame, level 1."""
    return zlib.compress(content, 1)


def decode_deflateraw(content: bytes) -> bytes:
    """Undo deflate without a frame."""
    if not content:
        return b""
    return zlib.decompress(content, -zlib.MAX_WBITS)


def encode_deflateraw(content: bytes) -> bytes:
    """deflate without a frame, level 1."""
    encoder = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return encoder.compress(content) + encoder.flush()


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _missing(coding: str) -> ValueError:
    return ValueError(
        f"the content coding {coding!r} is not available here: no running midwire and no "
        "Python module for it"
    )


def decode_brotli(content: bytes) -> bytes:
    """Undo brotli."""
    if not content:
        return b""
    result = _mirror.bridge().decode_content(content, "br")
    if result is not None:
        return result
    module = _module("brotli") or _module("brotlicffi")
    if module is None:
        raise _missing("br")
    decoded: bytes = module.decompress(content)
    return decoded


def encode_brotli(content: bytes) -> bytes:
    """brotli, fastest quality."""
    result = _mirror.bridge().encode_content(content, "br")
    if result is not None:
        return result
    module = _module("brotli") or _module("brotlicffi")
    if module is None:
        raise _missing("br")
    encoded: bytes = module.compress(content, quality=0)
    return encoded


def decode_zstd(content: bytes) -> bytes:
    """Undo Zstandard, all frames."""
    if not content:
        return b""
    result = _mirror.bridge().decode_content(content, "zstd")
    if result is not None:
        return result
    module = _module("compression.zstd") or _module("backports.zstd")
    if module is not None:
        decoded: bytes = module.decompress(content)
        return decoded
    module = _module("zstandard")
    if module is None:
        raise _missing("zstd")
    reader = module.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True)
    text: bytes = reader.read()
    return text


def encode_zstd(content: bytes) -> bytes:
    """Zstandard, level 1."""
    result: Optional[bytes] = _mirror.bridge().encode_content(content, "zstd")
    if result is not None:
        return result
    module = _module("compression.zstd") or _module("backports.zstd")
    if module is not None:
        encoded: bytes = module.compress(content, 1)
        return encoded
    module = _module("zstandard")
    if module is None:
        raise _missing("zstd")
    text: bytes = module.ZstdCompressor(level=1).compress(content)
    return text


custom_decode: Dict[str, Callable[[bytes], bytes]] = {
    "none": identity,
    "identity": identity,
    "gzip": decode_gzip,
    "deflate": decode_deflate,
    "deflateraw": decode_deflateraw,
    "br": decode_brotli,
    "zstd": decode_zstd,
}
custom_encode: Dict[str, Callable[[bytes], bytes]] = {
    "none": identity,
    "identity": identity,
    "gzip": encode_gzip,
    "deflate": encode_deflate,
    "deflateraw": encode_deflateraw,
    "br": encode_brotli,
    "zstd": encode_zstd,
}
