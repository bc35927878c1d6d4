"""The figures of speed that README shows are those that were measured last."""

import json

from environments import ROOT

DATA = ROOT / "docs" / "reports" / "data" / "requests.json"
WHAT = "[processor time](docs/performance.md) of a small call, by aiohttp's"


def test_readme_shows_the_figures_of_the_last_measurement() -> None:
    ratios = {
        each["contestant"]: each["ratio"]
        for each in json.loads(DATA.read_text())["figures"]
        if (each["path"], each["concurrency"], each["loop"]) == ("/100", 1, "asyncio")
    }
    shown = [f"{ratios[name]:.2f}" for name in ("ours", "httpx", "aiohttp", "niquests")]
    row = f"| {WHAT} | {' | '.join(shown)} |"
    assert row in (ROOT / "README.md").read_text().splitlines(), f"Write {row!r}."
