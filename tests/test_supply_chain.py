"""What is shipped can be checked: by hashes, by a second build, by a list of its parts."""

import json
import tomllib
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest
import sbom
from gate_supply import copied, digest
from packaging.requirements import Requirement

from environments import DISTRIBUTIONS, ROOT, build_wheels

PUBLIC = {"registry": "https://pypi.org/simple"}
LOCKED = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
OTHERS = [package for package in LOCKED if "registry" in package["source"]]


def test_every_locked_package_comes_from_the_public_index() -> None:
    own = {*DISTRIBUTIONS, "lexigram-workspace"}
    assert {p["name"] for p in LOCKED if "registry" not in p["source"]} == own
    assert [p["name"] for p in OTHERS if p["source"] != PUBLIC] == []


def test_every_file_of_every_locked_package_has_its_hash() -> None:
    files = [
        (package["name"], file)
        for package in OTHERS
        for file in (*package.get("wheels", ()), package.get("sdist"))
        if file
    ]
    assert {name for name, _ in files} == {package["name"] for package in OTHERS}
    bare = [name for name, file in files if not file["hash"].startswith("sha256:")]
    assert bare == []


@pytest.mark.thorough
def test_a_second_build_elsewhere_gives_the_same_bytes(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    again = build_wheels(tmp_path / "again", copied(tmp_path / "tree"))
    assert {n: digest(w) for n, w in again.items()} == {
        n: digest(w) for n, w in wheels.items()
    }


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_bill_of_a_wheel_names_it_and_all_that_it_requires(
    wheels: dict[str, Path], name: str
) -> None:
    wheel = wheels[name]
    bill = json.loads(sbom.write(wheel).read_text())

    itself = bill["metadata"]["component"]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert (itself["name"], itself["licenses"]) == (name, [{"license": {"id": "MIT"}}])
    assert itself["hashes"] == [{"alg": "SHA-256", "content": digest(wheel)}]
    listed = {part["name"] for part in bill["components"]}
    assert required(wheel) <= listed
    for part in bill["components"]:
        if part["name"] not in DISTRIBUTIONS:
            assert part["externalReferences"][0]["hashes"][0]["alg"] == "SHA-256", part


def test_the_bill_of_the_same_wheel_is_the_same(wheels: dict[str, Path]) -> None:
    wheel = wheels["lexigram-http"]
    assert sbom.bill(wheel) == sbom.bill(wheel)


def test_a_wheel_that_is_not_of_this_state_has_no_bill(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    stranger = tmp_path / wheels["lexigram"].name
    with ZipFile(wheels["lexigram"]) as source, ZipFile(stranger, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.endswith(".dist-info/METADATA"):
                content = content.replace(b"\nVersion: ", b"\nVersion: 9", 1)
            target.writestr(entry, content)
    with pytest.raises(RuntimeError, match="is not what the lock file has"):
        sbom.bill(stranger)


def required(wheel: Path) -> set[str]:
    """Return what a wheel requires, extras included."""
    with ZipFile(wheel) as content:
        (path,) = (n for n in content.namelist() if n.endswith(".dist-info/METADATA"))
        fields = HeaderParser().parsestr(content.read(path).decode())
    requirements = map(Requirement, fields.get_all("Requires-Dist", []))
    return {requirement.name.lower() for requirement in requirements}
