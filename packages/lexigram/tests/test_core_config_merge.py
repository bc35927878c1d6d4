import itertools
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from lexigram import Application
from lexigram.contracts.di import ConfigSection, ModuleDefinition
from lexigram.di import Named


class Pool(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float = Field(default=30.0, gt=0)
    size: int = 10


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: Pool = Pool()
    proxy: str | None = "http://default.test"
    hosts: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    token: SecretStr | None = None
    backup: Pool | None = None
    either: Pool | str = "neither"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def merged(explicit: Settings | None = None, **options: Any) -> Settings:
    reader = ModuleDefinition(
        name="Reader", config=ConfigSection("http", Settings, explicit)
    )
    async with Application(reader, **options) as app:
        return await app.resolve(Settings)


SOURCES = ("environment", "python", "profile", "file")


@pytest.mark.parametrize(
    "present",
    [
        chosen
        for count in range(len(SOURCES) + 1)
        for chosen in itertools.combinations(SOURCES, count)
    ],
    ids="+".join,
)
async def test_the_strongest_source_that_sets_a_field_wins_it_alone(
    present: tuple[str, ...], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "application.yaml").write_text("http: {pool: {size: 77}}")
    explicit = None
    if "environment" in present:
        monkeypatch.setenv("LEX_HTTP__POOL__TIMEOUT", "1.0")
    if "python" in present:
        explicit = Settings(pool=Pool(timeout=2))
    if "profile" in present:
        monkeypatch.setenv("LEX_PROFILE", "prod")
        (here / "application.prod.yaml").write_text("http: {pool: {timeout: 3}}")
    if "file" in present:
        (here / "application.yaml").write_text("http: {pool: {size: 77, timeout: 4}}")

    config = await merged(explicit)

    expected = SOURCES.index(present[0]) + 1.0 if present else 30.0
    assert config.pool == Pool(timeout=expected, size=77)


async def test_an_untouched_model_sets_nothing(here: Path) -> None:
    (here / "application.yaml").write_text("http: {pool: {timeout: 4}}")

    assert (await merged(Settings())).pool.timeout == 4
    assert (await merged(Settings(pool=Pool()))).pool.timeout == 4


async def test_the_merged_section_is_an_instance_of_its_very_model(here: Path) -> None:
    assert type(await merged()) is Settings


async def test_a_field_set_to_its_default_is_set(here: Path) -> None:
    (here / "application.yaml").write_text("http: {proxy: null, pool: {timeout: 4}}")

    config = await merged(Settings(pool=Pool(timeout=30.0)))

    assert config.pool.timeout == 30.0
    assert config.proxy is None


async def test_values_in_python_keep_their_types(here: Path) -> None:
    explicit = Settings(
        token=SecretStr("t"), backup=Pool(size=2), either=Pool(size=3), hosts=("a",)
    )

    config = await merged(explicit)

    assert config == explicit


async def test_the_parts_of_an_optional_model_are_merged_like_others(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "application.yaml").write_text("http: {backup: {timeout: 4, size: 4}}")
    explicit = Settings(backup=Pool(size=2))

    assert (await merged(explicit)).backup == Pool(timeout=4, size=2)
    monkeypatch.setenv("LEX_HTTP__BACKUP__TIMEOUT", "1")
    assert (await merged(explicit)).backup == Pool(timeout=1, size=2)
    monkeypatch.setenv("LEX_HTTP__BACKUP", "null")
    monkeypatch.delenv("LEX_HTTP__BACKUP__TIMEOUT")
    assert (await merged(explicit)).backup is None


async def test_an_optional_model_that_is_given_untouched_is_there(here: Path) -> None:
    assert (await merged(Settings(backup=Pool()))).backup == Pool()

    (here / "application.yaml").write_text("http: {backup: null}")
    assert (await merged(Settings(backup=Pool()))).backup == Pool()
    (here / "application.yaml").write_text("http: {backup: {size: 3}}")
    assert (await merged(Settings(backup=Pool()))).backup == Pool(size=3)


async def test_a_variable_can_name_a_file_with_the_value(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "token").write_text("s3cr3t\r\n")
    (here / "size").write_text("7")
    (here / "hosts").write_text('["a", "b"]')
    monkeypatch.setenv("LEX_HTTP__TOKEN_FILE", str(here / "token"))
    monkeypatch.setenv("lex_http__pool__size_file", "size")
    monkeypatch.setenv("LEX_HTTP__HOSTS_FILE", "hosts")
    monkeypatch.setenv("LEX_HTTP__HEADERS__TOKEN_FILE", "free")

    config = await merged(Settings(pool=Pool(size=1, timeout=2)))

    assert config.token == SecretStr("s3cr3t")
    assert config.pool == Pool(size=7, timeout=2)
    assert config.hosts == ("a", "b")
    assert config.headers == {"token_file": "free"}


async def test_a_key_that_ends_in_file_is_a_key(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Certificates(BaseModel):
        ca: str = ""
        ca_file: str = ""

    monkeypatch.setenv("LEX_TLS__CA_FILE", "ca.pem")
    (here / "name").write_text("other.pem")
    reader = ModuleDefinition(name="Reader", config=ConfigSection("tls", Certificates))

    async with Application(reader) as app:
        assert (await app.resolve(Certificates)).ca_file == "ca.pem"
    monkeypatch.delenv("LEX_TLS__CA_FILE")
    monkeypatch.setenv("LEX_TLS__CA_FILE_FILE", "name")
    async with Application(reader) as app:
        assert (await app.resolve(Certificates)).ca_file == "other.pem"


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("LEX_HTTP__PROXY", "http://p.test", "proxy", "http://p.test"),
        ("LEX_HTTP__PROXY", "null", "proxy", None),
        ("LEX_HTTP__HOSTS", '["a", "b"]', "hosts", ("a", "b")),
        ("LEX_HTTP__HEADERS__ACCEPT", "x", "headers", {"accept": "x"}),
        ("LEX_HTTP__POOL", '{"size": 3}', "pool", Pool(size=3)),
        ("LEX_HTTP", '{"pool": {"size": 4}}', "pool", Pool(size=4)),
        ("lex_http__pool__size", "5", "pool", Pool(size=5)),
        ("LEX_HTTP__BACKUP__SIZE", "6", "backup", Pool(size=6)),
    ],
)
async def test_variables_are_typed_by_the_model(
    variable: str,
    value: str,
    field: str,
    expected: object,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)

    assert getattr(await merged(), field) == expected


async def test_a_section_without_any_value_has_its_defaults(here: Path) -> None:
    (here / "application.yaml").write_text("http:\nother: {timeout: 3}\n")

    assert await merged() == Settings()


async def test_an_empty_file_sets_nothing(here: Path) -> None:
    (here / "application.yaml").write_text("# nothing yet\n")

    assert await merged() == Settings()


async def test_the_file_is_named_in_python_or_by_a_stronger_variable(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "application.yaml").write_text("http: {pool: {size: 1}}")
    (here / "python.yaml").write_text("http: {pool: {size: 2}}")
    (here / "variable.yaml").write_text("http: {pool: {size: 3}}")
    (here / "variable.test.yaml").write_text("http: {pool: {timeout: 4}}")

    assert (await merged(config_file="python.yaml")).pool.size == 2
    monkeypatch.setenv("LEX_CONFIG", "variable.yaml")
    monkeypatch.setenv("LEX_PROFILE", "test")
    config = await merged(config_file=here / "python.yaml")
    assert config.pool == Pool(size=3, timeout=4)


async def test_references_in_the_file_are_replaced(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", "h.test")
    monkeypatch.setenv("EMPTY", "")
    (here / "application.yaml").write_text(
        "http:\n"
        "  proxy: http://${HOST}:${PORT:-8080}/${EMPTY}${EMPTY:-x}$${HOST}\n"
        "  hosts: ['${HOST}']\n"
        "  pool: {timeout: '${WAIT:-2.5}'}\n"
        "  backup: ${NOTHING:-null}\n"
        "theirs: ${left alone}\n"
    )

    config = await merged()

    assert config.proxy == "http://h.test:8080/x${HOST}"
    assert config.hosts == ("h.test",)
    assert config.pool.timeout == 2.5
    assert config.backup is None


async def test_two_sections_of_one_model_are_told_apart_by_name(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_PARTNER__POOL__SIZE", "8")
    app = Application(
        ModuleDefinition(name="A", config=ConfigSection("http", Settings)),
        ModuleDefinition(name="B", config=ConfigSection("partner", Settings)),
    )

    async with app:
        http = await app.resolve(Annotated[Settings, Named("http")])
        partner = await app.resolve(Annotated[Settings, Named("partner")])
        with pytest.raises(LookupError, match=r"Named\('http'\)"):
            await app.resolve(Settings)

    assert (http.pool.size, partner.pool.size) == (10, 8)


class Aliased(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=1, validation_alias="Size")


async def test_an_alias_is_the_key_of_its_field(here: Path) -> None:
    reader = ModuleDefinition(
        name="Reader",
        config=ConfigSection("http", Aliased, Aliased.model_validate({"Size": 3})),
    )

    async with Application(reader) as app:
        assert (await app.resolve(Aliased)).size == 3


@given(
    values=st.fixed_dictionaries(
        {},
        optional={
            source: st.fixed_dictionaries(
                {}, optional={"timeout": st.integers(1, 9), "size": st.integers(1, 9)}
            )
            for source in ("python", "file")
        },
    )
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_each_field_is_merged_by_itself(
    values: dict[str, dict[str, int]], here: Path
) -> None:
    lines = [f"    {key}: {value}\n" for key, value in values.get("file", {}).items()]
    text = f"http:\n  pool:\n{''.join(lines)}" if lines else "http:\n"
    (here / "application.yaml").write_text(text)
    explicit = Settings(pool=Pool.model_validate(values.get("python", {})))

    config = await merged(explicit)

    winner = {**values.get("file", {}), **values.get("python", {})}
    assert config.pool == Pool.model_validate(winner)
