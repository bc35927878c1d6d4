"""The pictures of terminals show what the code prints."""

import subprocess
import sys

from screenshots import screenshots

from environments import ROOT


def test_the_screenshots_are_not_stale() -> None:
    # In a process of its own: a style of rich keeps the codes it was drawn with first,
    # and a console of fewer colors may have been an earlier test's.
    compared = subprocess.run(
        [sys.executable, ROOT / "tools" / "screenshots.py"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert compared.returncode == 0, compared.stdout + compared.stderr


def test_a_screenshot_fetches_nothing() -> None:
    for text in screenshots().values():
        assert "url(http" not in text
        assert "@font-face" not in text
