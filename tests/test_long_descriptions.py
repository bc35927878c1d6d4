"""What an index shows of a distribution is its README, and no link of it leads nowhere."""

import re
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from environments import DISTRIBUTIONS, ROOT

FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def long_description(wheel: Path) -> str:
    with ZipFile(wheel) as content:
        (path,) = (n for n in content.namelist() if n.endswith(".dist-info/METADATA"))
        fields = HeaderParser().parsestr(content.read(path).decode())
    assert fields["Description-Content-Type"] == "text/markdown"
    return fields.get_payload()


def leads_somewhere(target: str) -> bool:
    return target.startswith(("https://", "#"))


def as_an_index_shows_it(readme: str) -> str:
    """Return a README whose links to files are their text; code stays as it is."""

    def text_alone(found: re.Match[str]) -> str:
        return found[0] if leads_somewhere(found[2]) else found[1]

    parts = FENCED.split(readme)
    return "".join(
        part if part.startswith("```") else LINK.sub(text_alone, part) for part in parts
    )


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_long_description_is_the_readme_without_links_to_files(
    wheels: dict[str, Path], name: str
) -> None:
    shown = long_description(wheels[name])
    readme = (ROOT / "packages" / name / "README.md").read_text()
    assert shown == as_an_index_shows_it(readme)
    targets = [target for _, target in LINK.findall(FENCED.sub("", shown))]
    assert [target for target in targets if not leads_somewhere(target)] == []
    # There is something to take out in each of them.
    assert shown != readme
