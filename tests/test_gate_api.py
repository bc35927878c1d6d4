"""The snapshot of the public API says what changed, and every waiver has to be needed."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from api_snapshot import Waivers, parse, problems, record, render, snapshots
from gate_api import API, read_api

SHAPES = """\
from dataclasses import dataclass
from typing import Protocol

__all__ = ["LIMIT", "Shape", "Square", "area"]

LIMIT: int = 9


class Shape(Protocol):
    async def area(self, *, precise: bool = False) -> float: ...


class _Sides:
    def sides(self) -> int:
        return 4


@dataclass(frozen=True)
class Square(_Sides):
    length: float = 1.0
    _cached = None

    @property
    def wide(self) -> bool:
        return self.length > LIMIT


def area(shape: Shape) -> float: ...
"""
RECORDED = """\
# The public API of lexigram-shapes.
lexigram.shapes.LIMIT: int = 9
class lexigram.shapes.Shape(Protocol)
async def lexigram.shapes.Shape.area(*, precise: bool = False) -> float
@dataclass(frozen=True) class lexigram.shapes.Square(_Sides)
def lexigram.shapes.Square.__init__(length: float = 1.0) -> None
lexigram.shapes.Square.length: float = 1.0
def lexigram.shapes.Square.sides() -> int
property lexigram.shapes.Square.wide: bool
def lexigram.shapes.area(shape: Shape) -> float
"""
PACKAGE = "shapes/__init__.py"

Reader = Callable[..., API]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Return a reader of the API of made-up wheels, given by their files."""

    def read(**distributions: dict[str, str]) -> API:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        wheels = {}
        for name, files in distributions.items():
            path = wheels[f"lexigram-{name}"] = folder / f"{name}.whl"
            with zipfile.ZipFile(path, "w") as wheel:
                for file, text in files.items():
                    wheel.writestr(f"lexigram/{file}", text)
        return read_api(wheels, folder / "unpacked")

    return read


def found(api: API, recorded: str = RECORDED, waivers: Waivers | None = None) -> str:
    before = {"lexigram-shapes": parse(recorded)}
    return "\n".join(problems(api, before, waivers or Waivers()))


def test_a_snapshot_has_a_line_for_each_public_name_and_signature(read: Reader) -> None:
    api = read(shapes={PACKAGE: SHAPES, "shapes/_private.py": '__all__ = ["x"]\nx = 1'})
    assert render("lexigram-shapes", api.entries["lexigram-shapes"]) == RECORDED
    assert found(api) == ""


def test_overloads_are_a_line_each_and_survive_the_file(read: Reader) -> None:
    text = """\
        from typing import overload
        __all__ = ["half"]
        @overload
        def half(n: int) -> int: ...
        @overload
        def half(n: float) -> float: ...
        def half(n): return n / 2
        """
    entries = read(shapes={PACKAGE: dedent(text)}).entries["lexigram-shapes"]
    assert [line.partition("half")[2] for line in entries["lexigram.shapes.half"]] == [
        "(n: int) -> int",
        "(n: float) -> float",
    ]
    assert parse(render("lexigram-shapes", entries)) == entries


def test_a_name_that_is_gone_is_shown_as_a_diff(read: Reader) -> None:
    less = SHAPES.replace(', "area"]', "]")
    shown = found(read(shapes={PACKAGE: less}))
    assert "-def lexigram.shapes.area(shape: Shape) -> float" in shown
    assert "waivers.toml" in shown


def test_a_changed_signature_shows_both(read: Reader) -> None:
    changed = SHAPES.replace("precise: bool = False", "digits: int")
    shown = found(read(shapes={PACKAGE: changed})).splitlines()
    prefix = "async def lexigram.shapes.Shape.area"
    assert f"-{prefix}(*, precise: bool = False) -> float" in shown
    assert f"+{prefix}(*, digits: int) -> float" in shown


def test_a_new_name_has_to_be_recorded(read: Reader) -> None:
    less = RECORDED.replace("lexigram.shapes.LIMIT: int = 9\n", "")
    assert "--add" in found(read(shapes={PACKAGE: SHAPES}), less)


def test_a_waiver_accepts_a_break_and_nothing_beside_it(read: Reader) -> None:
    changed = SHAPES.replace("precise: bool = False", "digits: int")
    waivers = Waivers(breaking=("lexigram.shapes.Shape.area",))
    assert found(read(shapes={PACKAGE: changed}), RECORDED, waivers) == ""
    worse = changed.replace("LIMIT: int = 9", "LIMIT: int = 8")
    shown = found(read(shapes={PACKAGE: worse}), RECORDED, waivers)
    assert "LIMIT" in shown
    assert "Shape.area" not in shown


@pytest.mark.parametrize("kind", ["breaking", "second-path"])
def test_a_waiver_that_nothing_needs_is_an_error(read: Reader, kind: str) -> None:
    waivers = Waivers(**{kind.replace("-", "_"): ("lexigram.shapes.*",)})
    shown = found(read(shapes={PACKAGE: SHAPES}), RECORDED, waivers)
    assert shown == (
        f"Nothing needs the waiver of {kind} 'lexigram.shapes.*'. Delete it."
    )


def test_a_second_path_within_a_distribution_needs_a_waiver(read: Reader) -> None:
    again = {"shapes/more.py": 'from lexigram.shapes import area\n__all__ = ["area"]\n'}
    api = read(shapes={PACKAGE: SHAPES, **again})
    recorded = f"{RECORDED}lexigram.shapes.more.area = lexigram.shapes.area\n"
    assert "public as `lexigram.shapes.area` already" in found(api, recorded)
    waivers = Waivers(second_path=("lexigram.shapes.more.*",))
    assert found(api, recorded, waivers) == ""


def test_a_name_of_another_distribution_keeps_its_home_there(read: Reader) -> None:
    facade = 'from lexigram.shapes.deep import area\n__all__ = ["area"]\n'
    deep = '__all__ = ["area"]\ndef area() -> float: ...\n'
    api = read(
        facade={"facade.py": facade},
        shapes={PACKAGE: "__all__ = []\n", "shapes/deep.py": deep},
    )
    assert api.second_paths == {"lexigram.facade.area": "lexigram.shapes.deep.area"}
    assert list(api.entries["lexigram-shapes"]) == ["lexigram.shapes.deep.area"]


@pytest.mark.parametrize(
    "text",
    [
        '[[breaking]]\npath = "lexigram.x"\n',
        '[[breaking]]\npath = "lexigram.x"\nreason = " "\n',
        '[[braking]]\npath = "lexigram.x"\nreason = "A slip."\n',
    ],
    ids=["no reason", "empty reason", "misspelt kind"],
)
def test_a_waiver_without_a_reason_or_of_no_kind_is_refused(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "waivers.toml").write_text(text)
    with pytest.raises(RuntimeError, match="waiver"):
        Waivers.read(tmp_path / "waivers.toml")


def test_recording_additions_keeps_what_broke_and_a_release_does_not(
    read: Reader, tmp_path: Path
) -> None:
    folder = tmp_path / "snapshots"
    record(read(shapes={PACKAGE: SHAPES}), folder, additions_only=False)
    assert (folder / "lexigram-shapes.txt").read_text() == RECORDED
    later = SHAPES.replace('["LIMIT", ', '["EDGE", ').replace("LIMIT: int", "EDGE: int")
    api = read(shapes={PACKAGE: later})
    record(api, folder, additions_only=True)
    kept = snapshots(folder)["lexigram-shapes"]
    assert {"lexigram.shapes.EDGE", "lexigram.shapes.LIMIT"} <= set(kept)
    record(api, folder, additions_only=False)
    assert "lexigram.shapes.LIMIT" not in snapshots(folder)["lexigram-shapes"]
