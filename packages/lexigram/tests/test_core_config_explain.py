from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, Secret, SecretStr

from lexigram import Application
from lexigram.config import (
    ConfigError,
    Configuration,
    Explanation,
    Setting,
    UnknownKeyError,
)
from lexigram.contracts.di import ConfigSection, ModuleDefinition
from lexigram.di import GraphError, provide


class Pool(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float | None = Field(default=30.0, gt=0)
    size: int = 10


class Address(Secret[str]):
    def _display(self) -> str:
        return self.get_secret_value().rpartition("@")[2]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: Pool = Pool()
    backup: Pool | None = None
    either: Pool | str = "neither"
    proxy: str | None = None
    address: Address | None = None
    token: SecretStr | None = None
    api_key: str | None = None
    hosts: tuple[str, ...] = ()
    statuses: frozenset[int] = frozenset({503, 429})
    pools: dict[str, Pool] = {}
    labels: dict[str, str] = {}
    verbose: bool = Field(default=False, validation_alias="Verbose")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def application(explicit: Settings | None = None, origin: str = "") -> Application:
    section = ConfigSection("http", Settings, explicit)
    return Application(ModuleDefinition(name="Reader", config=section, origin=origin))


def explained(explicit: Settings | None = None, **options: Any) -> Explanation:
    return application(explicit, **options).config.explain("http")


def test_each_value_is_shown_with_what_set_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "application.yaml").write_text(
        "http:\n  Verbose: true\n  pool:\n    size: 4\n  labels: {a: b}\n"
    )
    (here / "application.prod.yaml").write_text("http:\n  hosts: [a, b c]\n")
    (here / "secret").write_text("s3cr3t")
    monkeypatch.setenv("LEX_PROFILE", "prod")
    monkeypatch.setenv("LEX_HTTP__POOL__TIMEOUT", "15")
    monkeypatch.setenv("LEX_HTTP__TOKEN_FILE", "secret")

    found = explained(
        Settings(proxy="http://p.test", backup=Pool(size=2)), origin=f"{here}/app.py:7"
    )

    assert str(found) == (
        "key                  value          from\n"
        "http.pool.timeout    15.0           $LEX_HTTP__POOL__TIMEOUT\n"
        "http.pool.size       4              application.yaml:4\n"
        "http.backup.timeout  30.0           default\n"
        "http.backup.size     2              Python at app.py:7\n"
        "http.either          neither        default\n"
        "http.proxy           http://p.test  Python at app.py:7\n"
        "http.address         null           default\n"
        "http.token           ***            $LEX_HTTP__TOKEN_FILE\n"
        "http.api_key         null           default\n"
        "http.hosts           [a, b c]       application.prod.yaml:2\n"
        "http.statuses        [429, 503]     default\n"
        "http.pools           {}             default\n"
        "http.labels.a        b              application.yaml:5\n"
        "http.Verbose         true           application.yaml:2"
    )
    assert found["http.pool.size"] == Setting(
        "http.pool.size", "4", "application.yaml:4"
    )
    assert len(found) == len(list(found)) == 14
    with pytest.raises(KeyError):
        found["http.pool.sise"]


@pytest.mark.parametrize(
    ("explicit", "key", "shown"),
    [
        (Settings(token=SecretStr("s3cr3t")), "token", "***"),
        (Settings(api_key="s3cr3t"), "api_key", "***"),
        (Settings(address=Address("s3cr3t@p.test")), "address", "p.test"),
        (Settings(proxy="http://s3cr3t@p.test"), "proxy", "http://***@p.test"),
        (Settings(hosts=("http://s3cr3t@p.test",)), "hosts", "[http://***@p.test]"),
        (Settings(labels={"password": "s3cr3t"}), "labels.password", "***"),
    ],
)
def test_an_explanation_shows_no_secret(
    explicit: Settings, key: str, shown: str, here: Path
) -> None:
    app = application(explicit)

    assert app.config.explain("http")[f"http.{key}"].value == shown
    assert "s3cr3t" not in repr(app.config.explain())
    assert "s3cr3t" not in repr(app.config)


def test_a_value_from_a_file_of_its_own_is_a_secret(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "secret").write_text("s3cr3t")
    monkeypatch.setenv("LEX_HTTP__PROXY_FILE", "secret")

    assert explained()["http.proxy"].value == "***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", '""'), (" a", '" a"'), ("a\nb", '"a\\nb"'), ("a b", "a b"), ("é", "é")],
)
def test_text_is_quoted_where_it_would_not_be_seen(
    text: str, shown: str, here: Path
) -> None:
    assert explained(Settings(proxy=text))["http.proxy"].value == shown


def test_a_long_value_is_cut_in_the_table_alone(here: Path) -> None:
    found = explained(Settings(proxy="x" * 100))

    assert found["http.proxy"].value == "x" * 100
    assert f" {'x' * 59}…  Python" in str(found)


def test_a_value_that_is_set_as_a_whole_is_from_there_in_all_its_parts(
    here: Path,
) -> None:
    (here / "application.yaml").write_text(
        "http:\n  either: {size: 9}\n  pools: {p: {size: 9}, q: {size: 9}}\n"
    )

    found = explained(Settings(either=Pool(size=1), pools={"p": Pool(size=1)}))

    assert {one.key: one.origin for one in found if one.origin != "default"} == {
        "http.either.timeout": "Python",
        "http.either.size": "Python",
        "http.pools.p.timeout": "Python",
        "http.pools.p.size": "Python",
        "http.pools.q.size": "application.yaml:3",
    }


def test_a_value_that_a_stronger_mapping_replaced_has_set_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "application.yaml").write_text("http: {backup: null}")
    monkeypatch.setenv("LEX_HTTP__BACKUP__SIZE", "3")

    found = explained()

    assert found["http.backup.size"].origin == "$LEX_HTTP__BACKUP__SIZE"
    assert found["http.backup.timeout"].origin == "default"


SOURCES = (
    "$LEX_HTTP__POOL__SIZE",
    "Python",
    "application.p.yaml:1",
    "application.yaml:1",
)


@given(present=st.sets(st.sampled_from(SOURCES)))
@settings(
    max_examples=16,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_origin_is_that_of_the_value(present: set[str], here: Path) -> None:
    def text(source: str, size: int) -> str:
        return f"http: {{pool: {{size: {size}}}}}" if source in present else ""

    (here / "application.p.yaml").write_text(text(SOURCES[2], 3))
    (here / "application.yaml").write_text(text(SOURCES[3], 4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEX_PROFILE", "p")
        if SOURCES[0] in present:
            patch.setenv("LEX_HTTP__POOL__SIZE", "1")
        python = Settings(pool=Pool(size=2)) if SOURCES[1] in present else None
        found = explained(python)["http.pool.size"]

    winners = [source for source in SOURCES if source in present]
    expected = (winners or ["default"])[0]
    assert found.origin == expected
    assert found.value == (str(SOURCES.index(expected) + 1) if winners else "10")


def test_a_part_or_everything_can_be_asked_for(here: Path) -> None:
    config = application().config

    assert [one.key for one in config.explain("http.pool")] == [
        "http.pool.timeout",
        "http.pool.size",
    ]
    assert [one.key for one in config.explain("http.pool.size")] == ["http.pool.size"]
    sections = {one.key.partition(".")[0] for one in config.explain()}
    assert sections == {"http", "logging"}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("htp", "The configuration has no 'htp'. Did you mean 'http'?"),
        ("htp.pool", "The configuration has no 'htp.pool'. Did you mean 'http'?"),
        ("http.poo", "The configuration has no 'http.poo'. Did you mean 'http.pool'?"),
        ("pol", "The configuration has no 'pol'. Known are 'http', 'logging'."),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(
    key: str, message: str, here: Path
) -> None:
    with pytest.raises(UnknownKeyError) as caught:
        application().config.explain(key)

    assert str(caught.value) == message


async def test_the_configuration_is_that_of_the_latest_start(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def size(config: Configuration) -> str:
        return config.explain("http")["http.pool.size"].value

    app = application()
    assert size(app.config) == "10"
    monkeypatch.setenv("LEX_HTTP__POOL__SIZE", "11")
    assert size(app.config) == "11"
    async with app:
        monkeypatch.setenv("LEX_HTTP__POOL__SIZE", "12")
        assert size(app.config) == "11"
    assert size(app.config) == "11"


async def test_a_check_creates_nothing_and_raises_what_a_start_would(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[object] = []

    class Service:
        def __init__(self, config: Settings) -> None:
            built.append(config)

    class Lacking:
        def __init__(self, service: Service) -> None:
            built.append(service)

    section = ConfigSection("http", Settings)
    sound = ModuleDefinition(name="M", config=section, providers=(provide(Service),))
    lacking = ModuleDefinition(name="N", providers=(provide(Lacking),))

    Application(sound).check()
    for modules, error in (((lacking,), GraphError), ((sound, lacking), ConfigError)):
        if error is ConfigError:
            monkeypatch.setenv("LEX_HTTP__POL", "1")
        with pytest.raises(error) as checked:
            Application(*modules).check()
        with pytest.raises(error) as started:
            await Application(*modules).start()
        assert str(checked.value) == str(started.value)
    assert built == []
