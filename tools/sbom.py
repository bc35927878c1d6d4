"""What is in our wheels and what comes with them, as CycloneDX 1.5.

    uv run python tools/sbom.py dist/     writes a bill of materials beside each wheel

uv writes down the dependencies, extras included, as the lock file has them: each with
its hashes, and with the marker that says where it is needed. Here the wheel itself is
added, and what differs from run to run is taken out: the same wheel and the same lock
file give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZipFile

from environments import DISTRIBUTIONS, run

SUFFIX: Final = ".cdx.json"
"""What is added to the name of a wheel."""


def bill(wheel: Path) -> dict[str, Any]:
    """Return the bill of materials of a wheel."""
    name, version, license_ = _metadata(wheel)
    found: dict[str, Any] = json.loads(
        run(
            "uv", "export", "--quiet", "--offline", "--frozen", "--no-dev",
            "--format", "cyclonedx1.5", "--preview-features", "sbom-export",
            "--all-extras", "--package", name,
        )
    )  # fmt: skip
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    metadata = found["metadata"]
    if (metadata["component"]["name"], metadata["component"]["version"]) != (
        name,
        version,
    ):
        raise RuntimeError(
            f"{wheel.name} is not what the lock file has: {metadata['component']!r}. "
            "Build it anew, after `uv lock`."
        )
    del metadata["timestamp"]
    metadata["component"] |= {
        "purl": f"pkg:pypi/{name}@{version}",
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": license_}}],
    }
    found["serialNumber"] = uuid5(NAMESPACE_URL, f"{wheel.name}#{digest}").urn
    return found


def write(wheel: Path) -> Path:
    """Write the bill of materials of a wheel beside it, and return where."""
    path = wheel.with_name(wheel.name + SUFFIX)
    path.write_text(json.dumps(bill(wheel), indent=2) + "\n")
    return path


def _metadata(wheel: Path) -> tuple[str, str, str]:
    """Return name, version and licence as the wheel itself says them."""
    with ZipFile(wheel) as content:
        (path,) = (n for n in content.namelist() if n.endswith(".dist-info/METADATA"))
        fields = HeaderParser().parsestr(content.read(path).decode())
    return fields["Name"], fields["Version"], fields["License-Expression"]


def main() -> int:
    """Write a bill for each of our wheels in a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the wheels are")
    folder: Path = parser.parse_args().folder
    wheels = [
        wheel
        for name in DISTRIBUTIONS
        for wheel in folder.glob(f"{name.replace('-', '_')}-*.whl")
    ]
    if not wheels:
        parser.error(f"there is no wheel of ours in {folder}; `uv build` makes them")
    for wheel in wheels:
        print(write(wheel))
    return 0


if __name__ == "__main__":
    sys.exit(main())
