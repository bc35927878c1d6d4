"""The pages of the site, as the generator takes them, in one folder.

    uv run --group docs python tools/documentation.py           build/site/html
    uv run --group docs python tools/documentation.py --serve   and show it

The files under `docs/` link to each other and to the rest of the repository, so that they
can be read there. The site has the pages under `docs/`, the READMEs and the other pages of
`ELSEWHERE`, and one page for each public module. A link to anything else, such as a test,
is shown as its text.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from site_links import broken_links

from environments import DISTRIBUTIONS, ROOT, run

__all__ = ["ELSEWHERE", "MODULES", "api_pages", "assemble", "build", "names_of"]

SITE: Final = ROOT / "build" / "site"
CONFIG: Final = ROOT / "zensical.toml"

ELSEWHERE: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    **{f"packages/{name}/README.md": f"packages/{name}.md" for name in DISTRIBUTIONS},
    **{f"packages/{name}": f"packages/{name}.md" for name in DISTRIBUTIONS},
}
"""Pages of the site that do not lie under `docs/`, by their path in the repository."""

MODULES: Final = {
    "lexigram-contracts": (
        "lexigram.result",
        "lexigram.contracts.web",
        "lexigram.contracts.web.streaming",
        "lexigram.contracts.resilience",
        "lexigram.contracts.di",
        "lexigram.contracts.clock",
        "lexigram.contracts.errors",
        "lexigram.contracts.fields",
        "lexigram.contracts.health",
        "lexigram.contracts.metrics",
        "lexigram.contracts.redaction",
        "lexigram.contracts.suggestions",
        "lexigram.contracts.timers",
    ),
    "lexigram-http": ("lexigram.http",),
    "lexigram-resilience": (
        "lexigram.resilience",
        "lexigram.resilience.events",
        "lexigram.resilience.watching",
    ),
    "lexigram-testing": (
        "lexigram.testing",
        "lexigram.testing.conformance",
        "lexigram.testing.strategies",
    ),
    "lexigram": (
        "lexigram",
        "lexigram.config",
        "lexigram.di",
        "lexigram.health",
        "lexigram.logging",
        "lexigram.metrics",
        "lexigram.otel",
        "lexigram.prometheus",
    ),
}
"""The public modules that have a page, in the order in which a name finds its own."""

_LINK: Final = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_EXAMPLE: Final = re.compile(
    r"^(?P<indent> +)Example:\n(?P<body>(?:(?P=indent) +\S.*\n|\n(?=(?P=indent) {4}))+)",
    re.MULTILINE,
)


def names_of(module: str) -> list[str]:
    """Return the public names of a module, in its own order."""
    return list(import_module(module).__all__)


def api_pages() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each page of the reference of modules.

    A name that several modules offer is described by the first of them; the others
    link to it.
    """
    described: dict[int | str, str] = {}
    for distribution, modules in MODULES.items():
        for module in modules:
            text = [f"# `{module}`", "", f"From `{distribution}`.", ""]
            doc = (import_module(module).__doc__ or "").strip()
            text += [doc.splitlines()[0], ""] if doc else []
            elsewhere: list[str] = []
            for name in names_of(module):
                key = _identity(module, name)
                if key in described:
                    elsewhere.append(f"[`{name}`]({_anchor(described[key], name)})")
                    continue
                described[key] = module
                text += [f"::: {module}.{name}", ""]
            if elsewhere:
                text += ["## Offered here too", "", ", ".join(elsewhere) + ".", ""]
            yield f"reference/api/{module}.md", "\n".join(text)


def _anchor(module: str, name: str) -> str:
    return f"{module}.md#{module}.{name}"


def _identity(module: str, name: str) -> int | str:
    thing = getattr(import_module(module), name)
    # Small values are one object in many places; a class or a function is itself.
    return id(thing) if callable(thing) else f"{module}.{name}"


def assemble(folder: Path) -> Path:
    """Put all pages into a folder and return it; what was there is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for source, page in ELSEWHERE.items():
        if (ROOT / source).is_file():
            target = folder / page
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_relinked(ROOT / source, page))
    for path in sorted((ROOT / "docs").rglob("*.md")):
        page = path.relative_to(ROOT / "docs").as_posix()
        (folder / page).write_text(_relinked(path, page))
    for page, text in api_pages():
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


def _relinked(source: Path, page: str) -> str:
    def link(found: re.Match[str]) -> str:
        image, text, target = found.groups()
        address, mark, anchor = target.partition("#")
        if "://" in target or not address:
            return found[0]
        there = _page_of((source.parent / address).resolve())
        if there is None:
            return text
        relative = os.path.relpath(there, Path(page).parent)
        return f"{image}[{text}]({relative}{mark}{anchor})"

    return _LINK.sub(link, source.read_text())


def _page_of(file: Path) -> str | None:
    """Return the path of a file's page within the site, if it has one."""
    if not file.is_relative_to(ROOT):
        return None
    path = file.relative_to(ROOT).as_posix()
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    if path.startswith("docs/") and file.is_file():
        return path.removeprefix("docs/")
    return None


def _sources(folder: Path) -> None:
    """Put the portions of the namespace side by side.

    The generator reads sources and does not follow an extended `__path__`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name in DISTRIBUTIONS:
        shutil.copytree(
            ROOT / "packages" / name / "src",
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for file in folder.rglob("*.py"):
        file.write_text(_EXAMPLE.sub(_shown, file.read_text()))


def _shown(found: re.Match[str]) -> str:
    """Return the example of a docstring as the generator knows one: as code.

    It reads sessions under "Examples:" alone, and takes anything else for prose.
    """
    indent, body = found["indent"], found["body"].rstrip()
    if ">>>" not in body and "```" not in body:
        body = f"{indent}    ```python\n{body}\n{indent}    ```"
    return f"{indent}Examples:\n{body}\n"


def build(*, serve: bool = False) -> str:
    """Build the site, strictly; return what the generator printed.

    Raises:
        RuntimeError: The generator found fault with a page, or a link leads nowhere.
    """
    assemble(SITE / "pages")
    _sources(SITE / "sources")
    shutil.copy(CONFIG, SITE / CONFIG.name)
    verb = ["serve"] if serve else ["build", "--strict", "--clean"]
    printed = run(sys.executable, "-m", "zensical", *verb, cwd=SITE)
    broken = [] if serve else list(broken_links(SITE / "html"))
    if broken:
        raise RuntimeError("Links that lead nowhere:\n" + "\n".join(broken))
    return printed


def main() -> None:
    """Build the site."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--serve", action="store_true", help="and show it")
    print(build(serve=parser.parse_args().serve))


if __name__ == "__main__":
    main()
