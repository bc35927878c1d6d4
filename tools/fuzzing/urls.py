"""Targets: URLs, and what is read out of headers and variables."""

from __future__ import annotations

import math
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

from fuzzing.text import expect, text_of

from lexigram.contracts.web import (
    Headers,
    HTTPInvalidRequestError,
    HttpResponse,
    check_url,
    usable_url,
)
from lexigram.contracts.web.calling import retry_after
from lexigram.http import find_link
from lexigram.http.joining import BaseURL
from lexigram.http.no_proxy import NoProxy
from lexigram.http.pool.origins import parted
from lexigram.http.templates import expand

_BASES: Final = (
    "https://api.test/v1/tenants/7",
    "http://user:s3cret@api.test:8080/v1",
    "https://[::1]:8443",
)
_TEMPLATE: Final = "/files/{name}/content"
_DECODINGS: Final = 3


def joining(data: bytes) -> None:
    """A path below a base URL never leads out of it, however it is read on its way."""
    text = text_of(data)
    for base_url in _BASES:
        _joined(BaseURL(base_url), text)
    try:
        path = expand(_TEMPLATE, {"name": text})
    except HTTPInvalidRequestError:
        return
    _, files, name, content = path.split("/")
    expect((files, content) == ("files", "content"), f"{path!r} has other segments")
    expect(unquote(name) == text, f"{name!r} is not {text!r}")
    _joined(BaseURL(_BASES[0]), path)


def _joined(base: BaseURL, path: str) -> None:
    try:
        url = base.join(path)
        sent = usable_url(url)
    except HTTPInvalidRequestError:
        return
    expect(url.startswith(base.url), f"{url!r} does not begin with {base.url!r}")
    origin, rest = parted(sent)
    home, _ = parted(base.url)
    expect(origin == home, f"{url!r} goes to {origin!r}")
    raw = rest.partition("?")[0]
    for _ in range(_DECODINGS):
        _is_below(urlsplit(base.url).path, raw, url)
        raw = unquote(raw)


def _is_below(base: str, path: str, url: str) -> None:
    """Read a path as servers do: dots resolved, and a backslash for a slash."""
    for read in (path, path.replace("\\", "/")):
        resolved = urljoin("http://host/", "/" + read.lstrip("/"))
        inside = f"{urlsplit(resolved).path}/".startswith(f"{base}/")
        expect(inside, f"{url!r} is read as {resolved!r}, outside of {base!r}")


def usable(data: bytes) -> None:
    """A URL that is accepted is one text, and names one host to every reader."""
    text = text_of(data)
    try:
        check_url(text)
    except HTTPInvalidRequestError:
        _is_refused(text)
        return
    once = usable_url(text)
    expect(usable_url(once) == once, f"{once!r} is written otherwise a second time")
    bare = not any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in once)  # noqa: PLR2004 - controls
    expect(bare, f"{once!r} holds a control character")
    parts = urlsplit(once)
    try:
        origin, rest = parted(once)
    except ValueError:
        return  # refused when it is sent, as `HTTPInvalidRequestError`
    if (parts.hostname or "").isascii():
        same = origin.host.lower() == parts.hostname
        expect(same, f"{once!r}: {origin.host!r} and {parts.hostname!r}")
    usual = {"http": 80, "https": 443}[parts.scheme]
    expect(origin.port in {parts.port, usual}, f"{once!r}: {origin.port}")
    expect(rest.startswith("/") and rest.isascii(), f"{once!r} asks for {rest!r}")


def _is_refused(text: str) -> None:
    try:
        usable_url(text)
    except HTTPInvalidRequestError:
        return
    expect(holds=False, what=f"{text!r} is refused, and is written out")


def headers(data: bytes) -> None:
    """Retry-After and Link of any response are read, or count as absent."""
    value, _, other = data.decode("latin-1").partition("\n")
    pairs = [("Retry-After", value), ("retry-after-ms", other), ("Link", value)]
    for fields in (pairs, [pairs[0]], [pairs[1]]):
        response = HttpResponse(429, "https://api.test/", "GET", Headers(fields), b"")
        seconds = retry_after(response)
        finite = seconds is None or (math.isfinite(seconds) and seconds >= 0)
        expect(finite, f"{seconds!r} seconds of {fields!r}")
        find_link(response, "next")


def no_proxy(data: bytes) -> None:
    """NO_PROXY is a set of entries: order, case and repetition are nothing."""
    text = text_of(data)
    entries, _, host = text.partition("\n")
    host = host or "api.corp.test"
    covered = NoProxy(entries).covers(host, 443)
    turned = ",".join(reversed(entries.replace(",", " ").split()))
    expect(NoProxy(turned).covers(host, 443) == covered, f"the order of {entries!r}")
    twice = NoProxy(f"{entries},{entries}").covers(host, 443)
    expect(twice == covered, f"{entries!r} twice")
    if entries.isascii() and host.isascii():
        loud = NoProxy(entries.upper()).covers(host.upper(), 443)
        expect(loud == covered, f"the case of {entries!r} or {host!r}")
    expect(NoProxy(f"{entries},*").covers(host, 443), "'*' covers all")
