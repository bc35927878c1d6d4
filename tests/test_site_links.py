"""A link of the site that leads nowhere is found."""

from pathlib import Path

import pytest
from site_links import broken_links


def site(folder: Path, link: str) -> Path:
    """Make a site of two pages, one of which has a link."""
    (folder / "guide").mkdir()
    (folder / "guide" / "index.html").write_text('<h1 id="a-b">A</h1>')
    (folder / "picture.svg").write_text("<svg/>")
    (folder / "index.html").write_text(f'<h1 id="here">Start</h1>{link}')
    return folder


@pytest.mark.parametrize(
    "link",
    [
        '<a href="#here">x</a>',
        '<a href="guide/">x</a>',
        '<a href="./guide/#a-b">x</a>',
        '<a href="/guide/index.html#a%2Db">x</a>',
        '<a href="https://example.test/nowhere#else">x</a>',
        '<a href="mailto:somebody@example.test">x</a>',
        '<img src="picture.svg">',
    ],
)
def test_a_link_that_leads_somewhere_is_fine(tmp_path: Path, link: str) -> None:
    assert list(broken_links(site(tmp_path, link))) == []


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ('<a href="#there">x</a>', "#there (no such anchor)"),
        ('<a href="guide/#c">x</a>', "guide/#c (no such anchor)"),
        ('<a href="nowhere/">x</a>', "nowhere/ (no such file)"),
        ('<img src="no.svg">', "no.svg (no such file)"),
        ('<script src="/no.js"></script>', "/no.js (no such file)"),
    ],
)
def test_a_link_that_leads_nowhere_is_named_with_its_page(
    tmp_path: Path, link: str, why: str
) -> None:
    assert list(broken_links(site(tmp_path, link))) == [f"index.html: {why}"]
