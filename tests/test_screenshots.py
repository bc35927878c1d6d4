"""The pictures of terminals show what the code prints."""

from screenshots import screenshots


def test_the_screenshots_are_not_stale() -> None:
    stale = [p.name for p, text in screenshots().items() if p.read_text() != text]
    assert not stale, "Run tools/screenshots.py --write."


def test_a_screenshot_fetches_nothing() -> None:
    for text in screenshots().values():
        assert "url(http" not in text
        assert "@font-face" not in text
