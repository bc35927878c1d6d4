"""A drawing: the few shapes that the diagrams of the documentation are made of."""

from __future__ import annotations

from html import escape
from typing import Final

__all__ = ["Drawing"]

_STYLE: Final = """\
<style>
  .paper { fill: #ffffff }
  rect, path { fill: none; stroke: #37474f; stroke-width: 1.4 }
  .box { fill: #eceff1 }
  .strong { fill: #cfe3f7 }
  .by-resilience { fill: #d9efdc }
  .by-core { fill: #fbeecb }
  .later { stroke-dasharray: 5 4 }
  .head { fill: #37474f; stroke: none }
  text { font: 14px system-ui, sans-serif; fill: #16212c; text-anchor: middle }
  .small { font-size: 12px; fill: #37474f }
  .left { text-anchor: start }
  .bold { font-weight: 600; text-anchor: start }
  .code { font: 12px ui-monospace, monospace; text-anchor: start }
</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8"
  markerHeight="8" orient="auto-start-reverse"><path class="head"
  d="M0 0 L10 5 L0 10 z"/></marker></defs>
"""


class Drawing:
    """An SVG, part by part."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._size = width, height
        self._parts = [f"<title>{escape(title)}</title>", _STYLE.rstrip()]
        self._parts.append('<rect class="paper" width="100%" height="100%" rx="8"/>')

    def box(self, at: tuple[int, int], size: tuple[int, int], kind: str) -> None:
        """Add a rectangle."""
        (x, y), (width, height) = at, size
        self._parts.append(
            f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" '
            f'height="{height}" rx="6"/>'
        )

    def text(self, at: tuple[int, int], text: str, kind: str = "") -> None:
        """Add one line of text."""
        named = f' class="{kind}"' if kind else ""
        self._parts.append(
            f'<text{named} x="{at[0]}" y="{at[1]}">{escape(text)}</text>'
        )

    def arrow(self, path: str, *, later: bool = False) -> None:
        """Add an arrow along an SVG path."""
        kind = ' class="later"' if later else ""
        self._parts.append(f'<path{kind} d="{path}" marker-end="url(#head)"/>')

    def __str__(self) -> str:
        width, height = self._size
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">'
        )
        return "\n".join([head, *self._parts, "</svg>"]) + "\n"
