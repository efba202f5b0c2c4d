"""HTTP responses."""

import email.utils
import logging
import time
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from mitmproxy._http.message import Message, always_bytes
from mitmproxy._http.request import Fields, check_content, init_fields, make_fields
from mitmproxy._http.tracking import ResponseData, check_line
from mitmproxy.coretypes import multidict
from mitmproxy.net.http import cookies, status_codes

logger = logging.getLogger(__name__)


class Response(Message):
    """An HTTP response."""

    _data_class = ResponseData
    data: ResponseData

    def __init__(
        self,
        http_version: bytes,
        status_code: int,
        reason: bytes,
        headers: Fields,
        content: Optional[bytes],
        trailers: Optional[Fields],
        timestamp_start: float,
        timestamp_end: Optional[float],
    ) -> None:
        check_content(content)
        _check_status(status_code)
        self.data = ResponseData(
            http_version=always_bytes(http_version),
            status_code=status_code,
            reason=always_bytes(reason, "iso-8859-1"),
            headers=init_fields(headers),
            content=content,
            trailers=None if trailers is None else init_fields(trailers),
            timestamp_start=timestamp_start,
            timestamp_end=timestamp_end,
        )

    def __repr__(self) -> str:
        content = self.raw_content
        if not content:
            return f"Response({self.status_code}, no content)"
        from mitmproxy.utils import human

        kind = self.headers.get("content-type", "unknown content type")
        return f"Response({self.status_code}, {kind}, {human.pretty_size(len(content))})"

    @classmethod
    def make(
        cls,
        status_code: int = 200,
        content: Union[bytes, str] = b"",
        headers: Any = (),
    ) -> "Response":
        """Make a response; reason and content-length are set."""
        if not isinstance(content, (str, bytes)):
            raise TypeError(
                f"Expected content to be str or bytes, but is {type(content).__name__}."
            )
        fields = make_fields(headers)
        now = time.time()
        reason = status_codes.RESPONSES.get(status_code, "").encode()
        response = cls(b"HTTP/1.1", status_code, reason, fields, None, None, now, now)
        response._check_fields()
        if isinstance(content, bytes):
            response.content = content
        else:
            response.text = content
        return response

    def _check_fields(self) -> None:
        self.data.check(("headers",))

    @property
    def status_code(self) -> int:
        """The status code, for example 200."""
        return self.data.status_code

    @status_code.setter
    def status_code(self, status_code: int) -> None:
        _check_status(status_code)
        self.data.status_code = status_code

    @property
    def reason(self) -> str:
        """The reason phrase; empty in HTTP/2 and later."""
        return self.data.reason.decode("iso-8859-1")

    @reason.setter
    def reason(self, reason: Union[str, bytes]) -> None:
        value = always_bytes(reason, "iso-8859-1")
        check_line("reason", value)
        self.data.reason = value

    def _get_cookies(self) -> Sequence[Tuple[str, Tuple[Optional[str], Any]]]:
        found = cookies.parse_set_cookie_headers(self.headers.get_all("set-cookie"))
        return tuple((name, (value, attrs)) for name, value, attrs in found)

    def _set_cookies(self, pairs: Iterable[Tuple[str, Any]]) -> None:
        lines: List[str] = []
        for name, (value, attrs) in pairs:
            if isinstance(attrs, Mapping) and not hasattr(attrs, "fields"):
                attrs = tuple(attrs.items())
            lines.append(cookies.format_set_cookie_header([(name, value, attrs)]))
        self.headers.set_all("set-cookie", lines)

    @property
    def cookies(self) -> multidict.MultiDictView:
        """The Set-Cookie fields as name -> (value, attributes); changes are written back.

        The attributes are a ``CookieAttrs``; any pairs may be assigned."""
        return multidict.MultiDictView(self._get_cookies, self._set_cookies)

    @cookies.setter
    def cookies(self, value: Any) -> None:
        pairs = value.fields if hasattr(value, "fields") else value
        self._set_cookies(pairs.items() if isinstance(pairs, Mapping) else pairs)

    def refresh(self, now: Optional[float] = None) -> None:
        """Move the dates of an old response so that it looks as if it came at ``now``."""
        delta = (time.time() if now is None else now) - self.timestamp_start
        for name in ("date", "expires", "last-modified"):
            parsed = email.utils.parsedate_tz(self.headers.get(name, ""))
            if parsed:
                moment = email.utils.mktime_tz(parsed) + delta
                self.headers[name] = email.utils.formatdate(moment, usegmt=True)
        refreshed = []
        for line in self.headers.get_all("set-cookie"):
            try:
                refreshed.append(cookies.refresh_set_cookie_header(line, delta))
            except ValueError:
                refreshed.append(line)
                logger.info("Could not refresh cookie: %s", line)
        if refreshed:
            self.headers.set_all("set-cookie", refreshed)


def _check_status(status_code: Any) -> None:
    if not isinstance(status_code, int):
        raise TypeError(f"Expected <class 'int'> for status_code, but got {type(status_code)}.")
