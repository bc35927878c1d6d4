"""What the pages show is what the files are, and what they link to is there."""

import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from config_reference import sections
from documentation import CONFIG, ELSEWHERE, MODULES, api_pages, assemble, names_of
from pages import filled, pages, run_blocks
from typing_extensions import is_protocol

from environments import ROOT
from lexigram import contracts

PAGES = pages()
WITH_FILES = [
    page
    for page in PAGES
    if re.search(r"^<!-- (file|output): ", page.read_text(), re.MULTILINE)
]
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
INSIDE = {
    "OpenBody",  # what the client and the fake share
    "Limit",
}
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def by_path(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return the fragments that lead to a page's headings."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in HEADING.findall(FENCED.sub("", page.read_text()))
    }


def broken(page: Path) -> Iterator[str]:
    for target in LINK.findall(FENCED.sub("", page.read_text())):
        if "://" in target:
            continue
        address, _, anchor = target.partition("#")
        there = (page.parent / address).resolve() if address else page
        if not there.exists() or (
            anchor and there.suffix == ".md" and anchor not in anchors(there)
        ):
            yield target


@pytest.mark.thorough
@pytest.mark.parametrize("page", WITH_FILES, ids=by_path)
def test_a_page_shows_its_files_and_outputs_as_they_are(page: Path) -> None:
    assert filled(page) == page.read_text(), "Run tools/pages.py --write."


@pytest.mark.parametrize("page", PAGES, ids=by_path)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=by_path)
def test_a_configuration_on_a_page_is_valid(page: Path) -> None:
    models = sections()
    for block in re.findall(
        r"^```yaml\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE
    ):
        for name, values in (yaml.safe_load(block) or {}).items():
            model = models.get(name) or models["http" if "http" in name else name]
            model.model_validate(values)


def test_blocks_that_are_files_or_say_why_are_not_run_here(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- file: a.py -->\n```python\nfile\n```\n"
        "<!-- not run: it calls somebody -->\n```python\ncalls\n```\n"
        "```python\nruns\n```\n"
    )
    assert run_blocks(page) == "runs\n"


@pytest.mark.parametrize("folder", ["start", "tutorial"])
def test_the_files_that_are_shown_pass_the_type_checker(folder: str) -> None:
    checked = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--no-error-summary",
            ROOT / "docs" / "examples" / folder,
        ],
        cwd=ROOT,
        env={"MYPYPATH": str(ROOT / "docs" / "examples" / folder)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def protocols() -> Iterator[str]:
    """Yield the names of the protocols that the contracts offer."""
    for found in pkgutil.walk_packages(contracts.__path__, f"{contracts.__name__}."):
        if "._" not in found.name:
            module = import_module(found.name)
            for name in getattr(module, "__all__", ()):
                if is_protocol(getattr(module, name)):
                    yield name


@pytest.mark.parametrize("name", sorted({*protocols()} - INSIDE))
def test_every_protocol_is_explained_on_a_page(name: str) -> None:
    explained = (ROOT / "docs" / "contracts").glob("*.md")
    assert any(re.search(rf"`{name}\b", page.read_text()) for page in explained)


# --- the site -------------------------------------------------------------------------


def listed(entry: Any) -> Iterator[str]:
    """Yield the pages that a navigation names."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, list | dict):
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from listed(part)


def test_every_page_of_the_site_is_in_the_navigation_once(tmp_path: Path) -> None:
    nav = tomllib.loads(CONFIG.read_text())["project"]["nav"]
    names = list(listed(nav))
    folder = assemble(tmp_path / "pages")
    assert sorted(names) == sorted(
        page.relative_to(folder).as_posix() for page in folder.rglob("*.md")
    )


def test_a_link_out_of_the_site_is_shown_as_its_text(tmp_path: Path) -> None:
    folder = assemble(tmp_path / "pages")
    promises = (folder / "reference" / "promises.md").read_text()
    assert "../../packages" not in promises
    readme = (folder / "index.md").read_text()
    assert "(packages/lexigram-http.md)" in readme
    assert ELSEWHERE["CONTRIBUTING.md"] == "contributing.md"


UNDESCRIBED = {
    "lexigram.cli",  # a command
    "lexigram.contracts.web.calling",  # what the client and the fake share
}


def packages_with_names() -> Iterator[str]:
    """Yield the public packages that say which names they offer."""
    for source in (ROOT / "packages").glob("*/src"):
        for file in source.rglob("__init__.py"):
            parts = file.parent.relative_to(source).parts
            public = not any(part.startswith("_") for part in parts)
            if public and re.search(r"^__all__ =", file.read_text(), re.MULTILINE):
                yield ".".join(parts)


def test_every_public_package_has_a_page() -> None:
    described = {module for group in MODULES.values() for module in group}
    assert set(packages_with_names()) - UNDESCRIBED <= described


def test_every_public_name_is_described_once() -> None:
    described = re.findall(
        r"^::: (\S+)$", "\n".join(text for _, text in api_pages()), re.MULTILINE
    )
    assert len(described) == len(set(described))
    for module in (module for group in MODULES.values() for module in group):
        for name in names_of(module):
            assert name in {path.rpartition(".")[2] for path in described}
