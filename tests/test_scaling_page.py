"""What docs/scaling.md configures is a configuration, and what it links to is there."""

import re

import pytest
import yaml

from environments import ROOT
from lexigram.resilience import ResilienceConfig

PAGE = ROOT / "docs" / "scaling.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_there_are_configurations_to_look_at() -> None:
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_configuration_on_the_page_is_valid(block: str) -> None:
    config = yaml.safe_load(block)
    assert list(config) == ["resilience"]
    ResilienceConfig.model_validate(config["resilience"])


def test_what_the_page_links_to_is_there() -> None:
    text = PAGE.read_text()
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert [target for target in targets if not (PAGE.parent / target).exists()] == []
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("## ")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
