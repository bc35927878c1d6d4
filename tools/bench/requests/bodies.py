"""The bodies that are fetched and sent: JSON of a given size, always the same."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["PAYLOAD", "POST", "SIZES", "body"]

PAYLOAD: Final[dict[str, Any]] = {
    "customer": "cus_9s6XKzkNRiz8i3",
    "amount": 1250,
    "currency": "eur",
    "items": [
        {"sku": "A-100", "quantity": 2, "price": 500},
        {"sku": "B-200", "quantity": 1, "price": 250},
    ],
    "express": False,
}
"""What is posted: some 180 bytes."""


def body(path: str) -> bytes:
    """Return what is answered there: JSON of exactly so many bytes."""
    return _articles(SIZES[path])


def _articles(size: int) -> bytes:
    items: list[str] = []
    left = size - len(_around("", ""))
    while left >= len(item := _item(len(items))) + 1:
        items.append(item)
        left -= len(item) + 1
    # The first has no comma before it.
    filling = "." * (left + 1 if items else left)
    return _around(",".join(items), filling).encode()


def _around(items: str, filling: str) -> str:
    return f'{{"items":[{items}],"end":"{filling}"}}'


def _item(number: int) -> str:
    item = {
        "id": number,
        "name": f"Article {number}",
        "price": number * 1.25,
        "tags": ["new"],
    }
    return json.dumps(item, separators=(",", ":"))


SIZES: Final = {"/100": 100, "/10k": 10_000, "/1m": 1_000_000}
"""The bytes of what is answered, by the path that is asked for."""

POST: Final = "/post"
"""Where to post to: what is answered is that of `/100`."""
