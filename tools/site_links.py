"""The links of the built site: each leads to a file that is there, and to its anchor.

The generator checks the links between pages, and not whether a picture is there or where a
link in HTML leads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urldefrag, urlsplit

__all__ = ["broken_links"]

_LINKS: Final = {"a": "href", "link": "href", "img": "src", "script": "src"}
_WITHOUT_A_PAGE: Final = frozenset({"404.html"})
"""Its links begin at the root of the domain, wherever that page is shown."""


class _Page(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = {"", "top"}  # both are the beginning of any page
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag."""
        values = dict(attrs)
        self.anchors.update(filter(None, (values.get("id"), values.get("name"))))
        target = values.get(_LINKS.get(tag, ""))
        if target:
            self.links.add(target)


def broken_links(site: Path) -> Iterator[str]:
    """Yield each link within a built site that leads nowhere, after its page."""
    read = cache(lambda file: _Page(file.read_text()))
    for file in sorted(site.rglob("*.html")):
        page = file.relative_to(site).as_posix()
        if page in _WITHOUT_A_PAGE:
            continue
        for link in sorted(read(file).links):
            if urlsplit(link).scheme or urlsplit(link).netloc:
                continue
            address, anchor = urldefrag(link)
            there = _file_of(site, file, unquote(urlsplit(address).path))
            if not there.is_file():
                yield f"{page}: {link} (no such file)"
            elif there.suffix == ".html" and unquote(anchor) not in read(there).anchors:
                yield f"{page}: {link} (no such anchor)"


def _file_of(site: Path, file: Path, path: str) -> Path:
    """Return the file that a path, as seen from a page, is served from."""
    if not path:
        return file
    there = site / path[1:] if path.startswith("/") else file.parent / path
    # One name for each file, so that it is read once.
    there = Path(os.path.normpath(there))
    return there / "index.html" if path.endswith("/") or there.is_dir() else there
