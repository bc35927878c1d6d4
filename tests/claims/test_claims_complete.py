"""No claim is forgotten."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
CLAIM = re.compile(r"^\| (C\d\d) \|.*\| (holds|open) \|$", re.MULTILINE)
TEST = re.compile(r"def test_(c\d\d)_")


def test_every_claim_that_holds_has_a_test_and_no_other_has() -> None:
    claims = dict(CLAIM.findall((FOLDER / "README.md").read_text()))
    assert list(claims) == [f"C{n:02}" for n in range(1, 36)]
    sources = "".join(path.read_text() for path in FOLDER.glob("test_*.py"))
    tested = {name.upper() for name in TEST.findall(sources)}
    assert tested == {name for name, state in claims.items() if state == "holds"}
