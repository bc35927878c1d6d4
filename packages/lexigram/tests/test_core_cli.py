import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lexigram import Application
from lexigram.cli import main

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

APP = """
from typing import Annotated
from pydantic import BaseModel, Field
from lexigram import Application
from lexigram.di import ConfigSection, Module, Named, bind, module, provide

class Settings(BaseModel):
    timeout: float = Field(default=30.0, gt=0)

class Clock: ...

class Partner:
    def __init__(self, clock: Clock, settings: Settings) -> None: ...

class Request:
    def __init__(self, one: Annotated[Partner, Named("one")], clock: Clock) -> None: ...

@module(
    providers=[
        bind(Clock).to_value(Clock()),
        bind(Annotated[Partner, Named("one")]).to(Partner),
    ],
    exports=[Clock, Annotated[Partner, Named("one")]],
    config=ConfigSection("partner", Settings),
)
class PartnerModule(Module): ...

@module(imports=[PartnerModule], providers=[provide(Request, scope="transient")])
class AppModule(Module): ...

class Lacking:
    def __init__(self, table: dict[str, int], other: list[int] | None = None): ...

@module(providers=[Lacking])
class LackingModule(Module): ...

app = Application(AppModule)

def create() -> Application:
    return Application(AppModule)

async def create_later() -> Application:
    return Application(AppModule)

def fail() -> None:
    raise OSError("no licence")
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run the command in a folder with the module `shop`, which is gone afterwards."""
    before = set(sys.modules)
    (tmp_path / "shop.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("shop", "broken")):
            del sys.modules[name]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lexigram", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["AppModule", "app", "create"])
def test_a_sound_application_is_checked_in_one_line(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", f"shop:{name}"]) == 0

    assert capsys.readouterr() == (
        f"shop:{name}: modules, configuration and dependencies fit together.\n",
        "",
    )


def test_the_command_runs_in_a_process_of_its_own(here: Path) -> None:
    done = run("check", "shop:AppModule")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


def test_the_console_script_is_the_same_command() -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]

    assert EntryPoint("lexigram", project["scripts"]["lexigram"], "").load() is main


async def test_a_check_reports_what_a_start_raises(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "shop:LackingModule"]) == 1

    from shop import AppModule, LackingModule  # type: ignore[import-not-found]  # noqa: PLC0415 - written above

    lacking = capsys.readouterr()
    with pytest.raises(
        Exception, match="No provider for `dict\\[str, int\\]`"
    ) as graph:
        await Application(LackingModule).start()
    assert lacking == ("", f"{graph.value}\n")

    monkeypatch.setenv("LEX_PARTNER__TIMEOUT", "-1")
    (here / "application.yaml").write_text("logging: {levl: x}")
    assert main(["check", "shop:AppModule"]) == 1
    refused = capsys.readouterr()
    with pytest.raises(Exception, match="The configuration has 2 problems") as config:
        await Application(AppModule).start()
    assert refused == ("", f"{config.value}\n")


def test_a_refused_configuration_ends_the_process_without_a_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_PARTNER__TIMEOT", "1")

    done = run("check", "shop:AppModule")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "The configuration has 1 problem.\n"
        "  partner.timeot: Unknown key. Did you mean 'timeout'? "
        "($LEX_PARTNER__TIMEOT)\n"
    )


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("shop", "'shop' does not say what to look at. Write module:attribute, such as 'shop:AppModule'."),
        ("shop:", "'shop:' does not say what to look at. Write module:attribute, such as 'shop:AppModule'."),
        (":app", "':app' does not say what to look at. Write module:attribute, such as 'app:app'."),
        ("src/shop.py:app", "'src/shop.py:app' does not say what to look at. Write module:attribute, such as 'src.shop:app'."),
        ("shpo:app", "There is no module 'shpo' in {here} or among what is installed. Run the command where the module is, or correct the name."),
        ("shop.inner:app", "There is no module 'shop.inner' in {here} or among what is installed."),
        ("shop:AppModul", "'shop' has no 'AppModul'. Did you mean 'AppModule'?"),
        ("shop:x", "'shop' has no 'x'. Known are 'AppModule', 'LackingModule', 'PartnerModule', 'app'."),
        ("shop:app.modulez", "'shop' has no 'modulez'. Did you mean 'modules'?"),
        ("shop:Clock", "shop:Clock is the class Clock, neither a module nor an application. Decorate the class with `@module(...)`, or name an `Application`."),
        ("shop:create_later", "shop:create_later is <function create_later"),
        ("shop:fail", "shop:fail() failed: OSError: no licence ({here}/shop.py:"),
    ],
)  # fmt: skip
def test_a_target_that_is_none_is_explained(
    target: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", target]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(message.format(here=here))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ny = z\n", "NameError: name 'z' is not defined ({here}/broken.py:2)."),
        ("import shpo\n", "ModuleNotFoundError: No module named 'shpo' ({here}/broken.py:1)."),
        ("x = (\n", "'(' was never closed ({here}/broken.py:1)."),
        ("import json\njson.loads('')\n", "JSONDecodeError: Expecting value: line 1 column 1 (char 0) ({here}/broken.py:2)."),
        ("assert False\n", "AssertionError ({here}/broken.py:1)."),
    ],
)  # fmt: skip
def test_a_module_that_cannot_be_imported_is_explained_with_its_line(
    text: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "broken.py").write_text(text)

    assert main(["graph", "broken:app"]) == 2

    expected = f"Cannot import 'broken': {message.format(here=here)}\n"
    assert capsys.readouterr() == ("", expected)


def test_a_module_that_ends_the_process_is_explained(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "broken.py").write_text("raise SystemExit(3)")

    assert main(["check", "broken:app"]) == 2
    assert "below `if __name__ == '__main__':`" in capsys.readouterr().err


def test_the_graph_is_drawn_by_modules(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "shop:AppModule"]) == 0

    assert (
        capsys.readouterr().out
        == """\
flowchart LR
  subgraph m0["lexigram"]
    s0(["LoggingConfig<br/>section logging"])
  end
  subgraph m1["PartnerModule"]
    b0(["Clock"])
    b1["Annotated[Partner, Named('one')]"]
    s1(["Settings<br/>section partner"])
  end
  subgraph m2["AppModule"]
    b2["Request<br/>transient"]
  end
  b1 --> b0
  b1 --> s1
  b2 --> b1
  b2 --> b0
"""
    )


def test_the_graph_shows_what_is_missing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # It is drawn however wrong the configuration is.
    monkeypatch.setenv("LEX_LOGGING__LEVEL", "LOUD")

    assert main(["graph", "shop:LackingModule"]) == 0

    out = capsys.readouterr().out
    assert '  x0["dict[str, int] is missing"]:::missing\n  b0 -.-> x0\n' in out
    assert "list[int]" not in out
    nodes = set(re.findall(r"^ +(\w+)[\[(]", out, re.MULTILINE))
    assert set(re.findall(r"(\w+) -\S+ (\w+)", out)) <= {
        (a, b) for a in nodes for b in nodes
    }


def test_the_configuration_is_explained(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEX_PARTNER__TIMEOUT", "7")

    assert main(["config", "explain", "partner", "--app", "shop:app"]) == 0
    assert capsys.readouterr().out == (
        "key              value  from\npartner.timeout  7.0    $LEX_PARTNER__TIMEOUT\n"
    )
    assert main(["config", "explain", "--app", "shop:app"]) == 0
    assert "logging.level" in capsys.readouterr().out
    assert main(["config", "explain", "partnr", "--app", "shop:app"]) == 2
    assert capsys.readouterr() == (
        "",
        "The configuration has no 'partnr'. Did you mean 'partner'?\n",
    )


@pytest.mark.parametrize("arguments", [[], ["boot"], ["check"], ["config", "explain"]])
def test_a_misused_command_says_how_it_is_used(
    arguments: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: lexigram")


def test_the_exit_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    assert "Exit codes: 0 all is well" in capsys.readouterr().out
