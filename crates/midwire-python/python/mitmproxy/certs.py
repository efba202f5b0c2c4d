"""X.509 certificates: what scripts want to know of them (RFC 5280)."""

import datetime
import hashlib
import ipaddress
import ssl
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from mitmproxy.coretypes import serializable

_OID_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}
"""The short names of RFC 4514 section 3; others are given by number."""
_RSA = "1.2.840.113549.1.1.1"
_DSA = "1.2.840.10040.4.1"
_EC = "1.2.840.10045.2.1"
_ED = {"1.3.101.112": "Ed25519", "1.3.101.113": "Ed448"}
_CURVES = {
    "1.2.840.10045.3.1.1": ("secp192r1", 192),
    "1.3.132.0.33": ("secp224r1", 224),
    "1.2.840.10045.3.1.7": ("secp256r1", 256),
    "1.3.132.0.10": ("secp256k1", 256),
    "1.3.132.0.34": ("secp384r1", 384),
    "1.3.132.0.35": ("secp521r1", 521),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 256),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 384),
    "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 512),
}
_BASIC_CONSTRAINTS = "2.5.29.19"
_ALT_NAMES = "2.5.29.17"
_CRL_POINTS = "2.5.29.31"


class _Node(NamedTuple):
    """One DER element: tag byte, content, and the whole encoding."""

    tag: int
    value: bytes
    whole: bytes

    def children(self) -> List["_Node"]:
        return list(_elements(self.value))


def _elements(data: bytes) -> Iterator[_Node]:
    at = 0
    while at < len(data):
        node, at = _element(data, at)
        yield node


def _element(data: bytes, start: int) -> Tuple[_Node, int]:
    try:
        tag, length = data[start], data[start + 1]
        at = start + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("unsupported length")
            length = int.from_bytes(data[at : at + count], "big")
            at += count
    except IndexError:
        raise ValueError("certificate is cut off") from None
    end = at + length
    if end > len(data):
        raise ValueError("certificate is cut off")
    return _Node(tag, data[at:end], data[start:end]), end


def _oid(data: bytes) -> str:
    numbers: List[int] = []
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    if not numbers:
        raise ValueError("empty object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def _string(node: _Node) -> str:
    if node.tag == 0x1E:
        return node.value.decode("utf-16-be", "replace")
    if node.tag == 0x1C:
        return node.value.decode("utf-32-be", "replace")
    if node.tag == 0x14:
        return node.value.decode("latin-1")
    return node.value.decode("utf-8", "replace")


def _name(node: _Node) -> List[Tuple[str, str]]:
    pairs = []
    for relative in node.children():
        for attribute in relative.children():
            kind, value = attribute.children()[:2]
            oid = _oid(kind.value)
            pairs.append((_OID_NAMES.get(oid, oid), _string(value)))
    return pairs


def _time(node: _Node) -> datetime.datetime:
    text = node.value.decode("ascii")
    if node.tag == 0x17:
        # RFC 5280 section 4.1.2.5.1: two digits mean 1950 to 2049.
        text = ("19" if text[:2] >= "50" else "20") + text
    moment = datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ")
    return moment.replace(tzinfo=datetime.timezone.utc)


class _Parsed:
    """The parts of a certificate that are looked at."""

    def __init__(self, der: bytes) -> None:
        try:
            self._read(der)
        except (IndexError, UnicodeError) as error:
            raise ValueError(f"malformed certificate: {error}") from error

    def _read(self, der: bytes) -> None:
        certificate, end = _element(der, 0)
        if certificate.tag != 0x30 or end != len(der):
            raise ValueError("malformed certificate: not one sequence")
        body = certificate.children()[0].children()
        if body[0].tag == 0xA0:
            body = body[1:]
        serial, _, issuer, validity, subject, key = body[:6]
        self.serial = int.from_bytes(serial.value, "big", signed=True)
        self.issuer = _name(issuer)
        begin, finish = validity.children()[:2]
        self.notbefore = _time(begin)
        self.notafter = _time(finish)
        self.subject = _name(subject)
        self.key = key
        self.extensions: Dict[str, bytes] = {}
        for node in body[6:]:
            if node.tag == 0xA3:
                for extension in node.children()[0].children():
                    parts = extension.children()
                    self.extensions[_oid(parts[0].value)] = parts[-1].value


class GeneralName(str):
    """An alternative name: a string that also has its content as ``value``."""

    kind: str = ""

    @property
    def value(self) -> Any:
        """The name; an ``ipaddress`` object if it is an address."""
        return ipaddress.ip_address(str(self)) if self.kind == "ip" else str(self)


class Cert(serializable.Serializable):
    """A certificate, made from DER or PEM; parsed when something of it is asked for."""

    _der: bytes

    def __init__(self, cert: Any) -> None:
        if isinstance(cert, Cert):
            data = cert._der
        elif isinstance(cert, (bytes, bytearray)):
            data = bytes(cert)
        elif hasattr(cert, "public_bytes"):
            # A certificate of the ``cryptography`` package.
            from cryptography.hazmat.primitives import serialization  # type: ignore

            data = cert.public_bytes(serialization.Encoding.DER)
        else:
            raise TypeError(f"Cert takes DER or PEM bytes, not {type(cert).__name__}.")
        self._der = _der_from(data)
        self._cache: Optional[_Parsed] = None

    @property
    def _parsed(self) -> _Parsed:
        if self._cache is None:
            self._cache = _Parsed(self._der)
        return self._cache

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cert) and self._der == other._der

    def __hash__(self) -> int:
        return hash(self._der)

    def __repr__(self) -> str:
        altnames = [str(name) for name in self.altnames]
        return f"<Cert(cn={self.cn!r}, altnames={altnames!r})>"

    @classmethod
    def from_state(cls, state: bytes) -> "Cert":
        """A certificate from PEM."""
        return cls(state)

    def get_state(self) -> bytes:
        """The certificate as PEM."""
        return self.to_pem()

    def set_state(self, state: bytes) -> None:
        """Become another certificate, given as PEM."""
        self._der = _der_from(state)
        self._cache = None

    @classmethod
    def from_pem(cls, data: bytes) -> "Cert":
        """A certificate from PEM. ValueError: malformed."""
        if b"-----BEGIN CERTIFICATE-----" not in data:
            raise ValueError("no PEM certificate found")
        cert = cls(data)
        _ = cert._parsed
        return cert

    def to_pem(self) -> bytes:
        """The certificate as PEM."""
        return ssl.DER_cert_to_PEM_cert(self._der).encode("ascii")

    def to_der(self) -> bytes:
        """The certificate as DER."""
        return self._der

    def to_cryptography(self) -> Any:
        """A certificate of the ``cryptography`` package, if that is installed."""
        from cryptography import x509  # type: ignore

        return x509.load_der_x509_certificate(self._der)

    def to_pyopenssl(self) -> Any:
        """A certificate of the ``pyOpenSSL`` package, if that is installed."""
        from OpenSSL import crypto  # type: ignore

        return crypto.load_certificate(crypto.FILETYPE_ASN1, self._der)

    @classmethod
    def from_pyopenssl(cls, x509: Any) -> "Cert":
        """A certificate from one of the ``pyOpenSSL`` package."""
        return cls(x509.to_cryptography())

    def public_key(self) -> Any:
        """The public key as an object of the ``cryptography`` package."""
        return self.to_cryptography().public_key()

    def fingerprint(self) -> bytes:
        """The SHA-256 digest of the certificate."""
        return hashlib.sha256(self._der).digest()

    @property
    def issuer(self) -> List[Tuple[str, str]]:
        """Who issued it: (short name, value)."""
        return list(self._parsed.issuer)

    @property
    def subject(self) -> List[Tuple[str, str]]:
        """Whom it was issued for: (short name, value)."""
        return list(self._parsed.subject)

    @property
    def notbefore(self) -> datetime.datetime:
        """From when it is valid, in UTC."""
        return self._parsed.notbefore

    @property
    def notafter(self) -> datetime.datetime:
        """Until when it is valid, in UTC."""
        return self._parsed.notafter

    def has_expired(self) -> bool:
        """Is its time over?"""
        return datetime.datetime.now(datetime.timezone.utc) > self.notafter

    @property
    def serial(self) -> int:
        """The number that its issuer gave it."""
        return self._parsed.serial

    @property
    def cn(self) -> Optional[str]:
        """The common name of the subject."""
        return dict(reversed(self._parsed.subject)).get("CN")

    @property
    def organization(self) -> Optional[str]:
        """The organization of the subject."""
        return dict(reversed(self._parsed.subject)).get("O")

    @property
    def is_ca(self) -> bool:
        """May it issue other certificates?"""
        data = self._parsed.extensions.get(_BASIC_CONSTRAINTS)
        if data is None:
            return False
        parts = _element(data, 0)[0].children()
        return bool(parts) and parts[0].tag == 0x01 and parts[0].value != b"\0"

    @property
    def keyinfo(self) -> Tuple[str, int]:
        """(kind, bits) of the public key, like ``("RSA", 2048)``; bits -1 if unknown."""
        algorithm, bits = self._parsed.key.children()[:2]
        parts = algorithm.children()
        oid = _oid(parts[0].value)
        if oid == _RSA:
            modulus = _element(bits.value[1:], 0)[0].children()[0]
            return "RSA", int.from_bytes(modulus.value, "big").bit_length()
        if oid == _DSA:
            prime = parts[1].children()[0]
            return "DSA", int.from_bytes(prime.value, "big").bit_length()
        if oid == _EC:
            name, size = _CURVES.get(_oid(parts[1].value), ("unknown", -1))
            return f"EC ({name})", size
        if oid in _ED:
            return f"{_ED[oid]}PublicKey", -1
        return oid, -1

    @property
    def altnames(self) -> List[GeneralName]:
        """The subject alternative names: host names and addresses, in their order."""
        data = self._parsed.extensions.get(_ALT_NAMES)
        names: List[GeneralName] = []
        for node in _element(data, 0)[0].children() if data is not None else ():
            if node.tag in (0x81, 0x82, 0x86):
                name = GeneralName(node.value.decode("ascii", "replace"))
                name.kind = {0x81: "email", 0x82: "dns", 0x86: "uri"}[node.tag]
            elif node.tag == 0x87 and len(node.value) in (4, 16):
                name = GeneralName(ipaddress.ip_address(node.value))
                name.kind = "ip"
            else:
                continue
            names.append(name)
        return names

    @property
    def crl_distribution_points(self) -> List[str]:
        """Where lists of revoked certificates can be found."""
        data = self._parsed.extensions.get(_CRL_POINTS)
        urls: List[str] = []
        for point in _element(data, 0)[0].children() if data is not None else ():
            for name in _uris(point):
                urls.append(name)
        return urls


def _uris(point: _Node) -> Iterator[str]:
    for part in point.children():
        if part.tag != 0xA0:
            continue
        for full in part.children():
            for name in full.children() if full.tag == 0xA0 else ():
                if name.tag == 0x86:
                    yield name.value.decode("ascii", "replace")


def _der_from(data: bytes) -> bytes:
    if b"-----BEGIN" not in data:
        return data
    begin = data.find(b"-----BEGIN CERTIFICATE-----")
    end = data.find(b"-----END CERTIFICATE-----", begin)
    if begin < 0 or end < 0:
        raise ValueError("no PEM certificate found")
    text = data[begin : end + len(b"-----END CERTIFICATE-----")].decode("ascii")
    return ssl.PEM_cert_to_DER_cert(text)


class CertStore:
    """Not available: certificates are made by the proxy, which runs in another process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        from mitmproxy import exceptions

        raise exceptions.NotAvailable(
            "CertStore is not available to scripts: midwire makes certificates itself. "
            "Use the options confdir, certs and key_size."
        )


__all__ = ["Cert", "CertStore", "GeneralName"]
