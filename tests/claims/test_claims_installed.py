"""The claims about what is installed and how it is typed, from built wheels."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from environments import DISTRIBUTIONS, Environment, create
from lexigram.testing import FaultServer

MODELS = """\
from dataclasses import dataclass

@dataclass(frozen=True)
class Invoice:
    id: str
    amount_cents: int
"""

# The only additions to the documents: annotations that they leave out, and the names
# that they take from the reader's application.
ANNOTATED = {
    "class BillingClient:\n": "class BillingClient:\n    _token: str\n\n",
    "intercept_request(self, context):": (
        "intercept_request(self, context: RequestContext) -> RequestContext:"
    ),
    "intercept_response(self, response):": (
        "intercept_response(self, response: ResponseContext) -> ResponseContext:"
    ),
    "get(self, url, **kwargs):": (
        "get(self, url: str, **kwargs: Unpack[RequestOptions])"
        " -> Result[HttpResponse, HTTPClientError]:"
    ),
}
NAMES = {
    "logging_interceptor.py": (
        "from lexigram.logging import get_logger\nlogger = get_logger(__name__)\n"
    ),
    "correlation_interceptor.py": (
        "from lexigram.contracts.web import RequestContext, ResponseContext\n"
        "def current_correlation_id() -> str: return 'c-1'\n"
    ),
    "fake_client.py": (
        "from typing import Unpack\n"
        "from billing_client import BillingClient\n"
        "from lexigram.contracts.web import HTTPClientError, RequestOptions\n"
        "from lexigram.result import Result\n"
    ),
    "base_url_client.py": "token = 't0ken'\n",
    "configured_module.py": (
        "from lexigram import Application\n"
        "from lexigram.http import HTTPModule\n"
        "app = Application()\n"
    ),
}
# An example may name what it goes on to leave unused.
STRICT = {
    "typeCheckingMode": "strict",
    "reportUnusedImport": False,
    "reportUnusedVariable": False,
}
TOP_LEVEL_AWAIT = ("client_example.py", "base_url_client.py")

PROOFS = """\
from typing import assert_type

from billing_client import BillingClient
from lexigram import Application
from lexigram.contracts.web import HTTPClientError, HTTPClientProtocol, HttpResponse
from lexigram.http import HTTPClient
from lexigram.result import Err, Ok, is_ok
from lexigram.testing import FakeHTTPClient

real: HTTPClientProtocol = HTTPClient()
fake: HTTPClientProtocol = FakeHTTPClient()

async def narrowing(app: Application) -> None:
    client = await app.resolve(HTTPClientProtocol)
    assert_type(client, HTTPClientProtocol)
    app.override(HTTPClientProtocol).to(FakeHTTPClient())
    result = await client.get("https://h/")
    if result:
        assert_type(result.value, HttpResponse)
    else:
        assert_type(result.error, HTTPClientError)
    if is_ok(result):
        assert_type(result, Ok[HttpResponse])
    match result:
        case Ok(response):
            assert_type(response, HttpResponse)
        case Err(error):
            assert_type(error, HTTPClientError)
"""
MISTAKES = {
    "option": "await client.get('https://h/', heders={})",
    "fake": "app.override(HTTPClientProtocol).to(BillingClient)",
    "name": "from lexigram import Nope",
}


def program(documents: Any, name: str) -> str:
    text: str = documents.text(name)
    for left_out, annotated in ANNOTATED.items():
        text = text.replace(left_out, annotated)
    if name in TOP_LEVEL_AWAIT:
        text = "async def main() -> None:\n" + indent(text, "    ")
    return NAMES.get(name, "") + text


@pytest.fixture(scope="module")
def everything(
    wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment with all five distributions."""
    path = tmp_path_factory.mktemp("everything") / "env"
    return create(path, "lexigram", wheels, own=DISTRIBUTIONS, extras=["all"])


@pytest.fixture
def reader(tmp_path: Path, documents: Any) -> Path:
    """The folder of a reader who typed the documents in."""
    models = tmp_path / "my_app" / "domain"
    models.mkdir(parents=True)
    for package in (tmp_path / "my_app", models):
        (package / "__init__.py").touch()
    (models / "models.py").write_text(MODELS)
    for source in documents.folder.glob("*.py"):
        (tmp_path / source.name).write_text(program(documents, source.name))
    (tmp_path / "proofs.py").write_text(PROOFS)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(STRICT))
    return tmp_path


def beside(folder: Path) -> Path:
    """Return a place for an environment that no checker takes for source."""
    return folder.with_name(f"{folder.name}-env")


def check(tool: str, environment: Environment, folder: Path) -> tuple[int, str]:
    """Run a type checker over a folder, against what an environment has installed."""
    scripts = Path(sys.executable).parent
    commands: dict[str, list[str | Path]] = {
        "mypy": [
            sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-executable",
            environment.python, "--cache-dir", folder / ".cache", ".",
        ],
        "pyright": [
            shutil.which("basedpyright", path=str(scripts)) or "basedpyright",
            "--pythonpath", environment.python, ".",
        ],
    }  # fmt: skip
    done = subprocess.run(
        [str(part) for part in commands[tool]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.thorough
@pytest.mark.timeout(180)
@pytest.mark.parametrize("tool", ["mypy", "pyright"])
def test_c33_the_documents_and_the_proofs_type_check_strictly(
    everything: Environment, reader: Path, tool: str
) -> None:
    code, output = check(tool, everything, reader)
    assert code == 0, output


@pytest.mark.thorough
@pytest.mark.timeout(180)
@pytest.mark.parametrize("tool", ["mypy", "pyright"])
def test_c33_mistakes_are_type_errors(
    everything: Environment, reader: Path, tool: str
) -> None:
    body = "".join(f"    {line}  # {name}\n" for name, line in MISTAKES.items())
    (reader / "mistakes.py").write_text(
        "from billing_client import BillingClient\n"
        "from lexigram import Application\n"
        "from lexigram.contracts.web import HTTPClientProtocol\n"
        f"async def main(app: Application, client: HTTPClientProtocol) -> None:\n{body}"
    )
    code, output = check(tool, everything, reader)
    assert code == 1
    found = {
        line
        for line in output.splitlines()
        if "mistakes.py:" in line and "error" in line
    }
    for number in range(5, 5 + len(MISTAKES)):
        assert any(f"mistakes.py:{number}:" in line for line in found), output


RUN_THE_DOCUMENTS = """\
import asyncio, sys
sys.path.insert(0, ".")
import billing_client, fake_client
billing_client.BillingClient._token = "t0ken"

class Whole(fake_client.FakeHTTPClient):
    async def get(self, url, **kwargs):
        result = await super().get(url, **kwargs)
        return result.map(lambda r: type(r)(200, json=r.json | {"amount_cents": 1}))

result = asyncio.run(billing_client.BillingClient(Whole()).fetch_invoice("inv_1"))
assert result.unwrap().id == "inv_1", result
assert not [m for m in sys.modules if m.split(".")[0] in ("aiohttp", "pydantic", "dishka")]
"""


def test_c19_a_service_and_its_test_run_with_the_contracts_alone(
    wheels: dict[str, Path], reader: Path
) -> None:
    environment = create(
        beside(reader), "lexigram-contracts", wheels, own=["lexigram-contracts"]
    )
    assert environment.installed() == {"lexigram-contracts"}
    environment.run("-c", RUN_THE_DOCUMENTS, cwd=reader)


@pytest.mark.timeout(180)
def test_c35_contracts_alone_type_a_service(
    wheels: dict[str, Path], reader: Path
) -> None:
    environment = create(
        beside(reader), "lexigram-contracts", wheels, own=["lexigram-contracts"]
    )
    for source in reader.glob("*.py"):
        if source.name not in ("billing_client.py", "fake_client.py"):
            source.unlink()
    for tool in ("mypy", "pyright"):
        code, output = check(tool, environment, reader)
        assert code == 0, output


AN_APPLICATION = """\
import asyncio, sys
from lexigram import Application
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.http import HTTPModule

async def main() -> None:
    async with Application.boot(HTTPModule.configure()) as app:
        client = await app.resolve(HTTPClientProtocol)
        print((await client.get(sys.argv[1])).unwrap().json["id"])

asyncio.run(main())
"""


async def test_c35_an_application_runs_with_the_http_extra(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    environment = create(
        tmp_path / "env",
        "lexigram",
        wheels,
        own=["lexigram-contracts", "lexigram-http", "lexigram"],
        extras=["http"],
    )
    assert not {"lexigram-resilience", "lexigram-testing"} & environment.installed()
    async with FaultServer.run() as server:
        server.on.get("/v1").respond(200, json={"id": "inv_1"})
        process = await asyncio.create_subprocess_exec(
            environment.python, "-P", "-W", "error", "-c", AN_APPLICATION,
            f"{server.base_url}/v1",
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
    assert (process.returncode, output.decode().strip()) == (0, "inv_1")


A_TEST_IN_CI = """\
import asyncio, sys
from lexigram.testing import FakeHTTPClient

async def main() -> None:
    async with FakeHTTPClient(base_url="https://partner.test") as fake:
        fake.on.get("/v1/invoices/{id}").respond(200, json={"id": "inv_1"})
        result = await fake.get("https://partner.test/v1/invoices/inv_1")
        assert result.unwrap().json == {"id": "inv_1"}

asyncio.run(main())
assert "aiohttp" not in sys.modules
"""


def test_c35_a_test_in_ci_needs_the_testing_kit_only(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    environment = create(
        tmp_path / "env",
        "lexigram-testing",
        wheels,
        own=["lexigram-contracts", "lexigram-testing"],
    )
    assert environment.installed() == {"lexigram-contracts", "lexigram-testing"}
    environment.run("-W", "error", "-c", A_TEST_IN_CI)
