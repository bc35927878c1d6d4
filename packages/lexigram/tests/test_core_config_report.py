import logging
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lexigram import Application
from lexigram.config import ConfigError
from lexigram.contracts.di import ConfigSection, ModuleDefinition


class Pool(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float = Field(default=30.0, gt=0)
    least: int = 1
    most: int = 10

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is above most {self.most}")
        return self


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: Pool = Pool()
    proxy: str | None = None
    api_key: str | None = Field(default=None, max_length=5)
    hosts: list[int] = []
    labels: dict[str, str] = {}
    choice: Pool | int = 1

    @field_validator("proxy")
    @classmethod
    def has_host(cls, value: str | None) -> str | None:
        if value and "host" not in value:
            raise ValueError(f"proxy {value} has no host")
        return value


class Billing(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    retries: int = 1


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str) -> None:
    Path("application.yaml").write_text(text, encoding="utf-8")


async def report(
    text: str | None = None, explicit: Settings | None = None, *others: Any
) -> list[str]:
    if text is not None:
        write(text)
    http = ModuleDefinition(
        name="HTTP", config=ConfigSection("http", Settings, explicit)
    )
    with pytest.raises(ConfigError) as caught:
        await Application(http, *others).start()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "http:\n  pool:\n    timeout: -5\n",
            (
                "http.pool.timeout: Input should be greater than 0, got -5. "
                "(application.yaml:3)"
            ),
        ),
        (
            "http:\n  pool:\n    timeout: soon\n",
            (
                "http.pool.timeout: Input should be a valid number, unable to parse string "
                "as a number, got 'soon'. (application.yaml:3)"
            ),
        ),
        (
            "http:\n  pol: {}\n",
            "http.pol: Unknown key. Did you mean 'pool'? (application.yaml:2)",
        ),
        (
            "http:\n  pool: 5\n",
            (
                "http.pool: Input should be a valid dictionary or instance of Pool, got 5. "
                "(application.yaml:2)"
            ),
        ),
        (
            "http: 5\n",
            (
                "http: Input should be a valid dictionary or instance of Settings, got 5. "
                "(application.yaml:1)"
            ),
        ),
        (
            "http:\n  hosts:\n    - 1\n    - b\n",
            (
                "http.hosts.1: Input should be a valid integer, unable to parse string as "
                "an integer, got 'b'. (application.yaml:4)"
            ),
        ),
        (
            "htpp:\n  pool: {}\n",
            "htpp: Unknown section. Did you mean 'http'? (application.yaml:1)",
        ),
        (
            "http:\n  pool:\n    least: 8\n    most: 7\n",
            (
                "http.pool: least 8 is above most 7. "
                "(application.yaml:3, application.yaml:4)"
            ),
        ),
        (
            "http:\n  proxy: ${NOT_SET}\n",
            (
                "http.proxy: $NOT_SET is not set. Set it, or write ${NOT_SET:-default}. "
                "(application.yaml:2)"
            ),
        ),
        (
            "http:\n  proxy: ${1}\n",
            (
                "http.proxy: '${' begins no reference. Write ${NAME}, ${NAME:-default}, or "
                "$${ for the characters. (application.yaml:2)"
            ),
        ),
        (
            "- http\n",
            "The file must be a mapping of sections, not a list. (application.yaml:1)",
        ),
    ],
)
async def test_a_problem_in_the_file_is_reported_with_its_line(
    text: str, expected: str, here: Path
) -> None:
    (found,) = await report(text)

    assert found == expected


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        (
            "LEX_HTTP__POOL__TIMEOUT",
            "0",
            (
                "http.pool.timeout: Input should be greater than 0, got '0'. "
                "($LEX_HTTP__POOL__TIMEOUT)"
            ),
        ),
        (
            "LEX_HTTP__POOL__TIMEOT",
            "1",
            (
                "http.pool.timeot: Unknown key. Did you mean 'timeout'? "
                "($LEX_HTTP__POOL__TIMEOT)"
            ),
        ),
        (
            "LEX_HTTP__POOL",
            "not json",
            (
                "http.pool: Input should be a valid dictionary or instance of Pool, got "
                "'not json'. ($LEX_HTTP__POOL)"
            ),
        ),
        (
            "LEX_HTTP__POOL",
            '{"timeout": -1}',
            (
                "http.pool.timeout: Input should be greater than 0, got -1. "
                "($LEX_HTTP__POOL)"
            ),
        ),
        (
            "LEX_HTPP__POOL__TIMEOUT",
            "1",
            "htpp: Unknown section. Did you mean 'http'? ($LEX_HTPP__POOL__TIMEOUT)",
        ),
        (
            "LEX_PROFIL",
            "prod",
            "profil: Unknown section. Did you mean 'profile'? ($LEX_PROFIL)",
        ),
    ],
)
async def test_a_problem_in_a_variable_is_reported_with_its_name(
    variable: str,
    value: str,
    expected: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)

    assert await report("http:\n  pool:\n    timeout: 3\n") == [expected]


async def test_what_python_set_is_named_so(here: Path) -> None:
    explicit = Settings.model_construct({"hosts"}, hosts=["x"])

    (found,) = await report(None, explicit)

    assert found.endswith("got 'x'. (Python)")


async def test_all_problems_of_all_sections_are_in_one_report(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_BILLING__RETRIES", "many")
    monkeypatch.setenv("LEX_LOGGING__LEVEL", "LOUD")
    billing = ModuleDefinition(name="B", config=ConfigSection("billing", Billing))

    found = await report("http:\n  pol: 1\n  hosts: [a]\n", None, billing)

    assert [line.split(":")[0] for line in found] == [
        "http.pol",
        "logging.level",
        "http.hosts.0",
        "billing.url",
        "billing.retries",
    ]
    assert found[3] == (
        "billing.url: A value is required. Set $LEX_BILLING__URL, or the key in "
        "application.yaml."
    )


async def test_an_unknown_key_that_a_stronger_source_hides_is_still_reported(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_HTTP__POL", "1")

    found = await report("http:\n  pol: 1\n")

    assert [line.rpartition("? ")[2] for line in found] == [
        "($LEX_HTTP__POL)",
        "(application.yaml:2)",
    ]


async def test_keys_inside_a_mapping_field_are_free(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_HTTP__LABELS__ANYTHING", "goes")

    assert await report("http:\n  labels: {some: thing}\n  hosts: 1\n") == [
        "http.hosts: Input should be a valid list, got 1. (application.yaml:3)"
    ]


async def test_a_key_below_a_plain_value_is_the_model_s_problem(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_HTTP__LABELS__DEEP__DEEPER", "1")

    assert await report() == [
        (
            "http.labels.deep: Input should be a valid string. "
            "($LEX_HTTP__LABELS__DEEP__DEEPER)"
        )
    ]


async def test_a_union_s_problems_keep_their_origin(here: Path) -> None:
    found = await report("http:\n  choice:\n    timeout: -1\n")

    assert all(line.endswith("(application.yaml:3)") for line in found)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("http:\n  api_key: s3cr3t-key\n", "s3cr3t-key"),
        ("http:\n  proxy: http://me:s3cr3t@nowhere.test\n", "s3cr3t"),
        ("http:\n  hosts: ['http://me:s3cr3t@host.test']\n", "s3cr3t"),
        ("http:\n  api_key: {nested: s3cr3t}\n", "s3cr3t"),
    ],
)
async def test_a_report_never_shows_a_secret(
    text: str, secret: str, here: Path
) -> None:
    found = await report(text)

    assert found
    assert secret not in "\n".join(found)


async def test_a_validator_s_own_words_are_redacted(here: Path) -> None:
    (found,) = await report("http:\n  proxy: http://me:s3cr3t@nowhere.test\n")

    assert found == (
        "http.proxy: proxy http://***@nowhere.test has no host, got "
        "'http://***@nowhere.test'. (application.yaml:2)"
    )


async def test_text_that_is_not_yaml_is_reported_with_its_line(here: Path) -> None:
    (found,) = await report("http:\n  pool: [1\n  proxy: 2\n")

    assert found.startswith("This is not valid YAML: ")
    assert found.endswith("(application.yaml:3)")


async def test_a_file_that_is_not_text_is_reported(here: Path) -> None:
    (here / "application.yaml").write_bytes(b"\xff\xfe\xff")

    (found,) = await report()

    assert found.startswith("This is not valid YAML: ")


async def test_a_named_file_that_is_missing_is_an_error(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"'no\.yaml': No such .* \(Python\)"):
        await Application(config_file="no.yaml").start()

    monkeypatch.setenv("LEX_CONFIG", "gone.yaml")
    (found,) = await report()
    assert found == (
        "Cannot read 'gone.yaml': No such file or directory. ($LEX_CONFIG)"
    )


async def test_the_report_counts_and_keeps_its_problems(here: Path) -> None:
    write("logging: {level: x, formt: json}\n")

    with pytest.raises(ConfigError) as caught:
        await Application().start()

    assert str(caught.value).startswith("The configuration has 2 problems.\n  ")
    assert caught.value.problems[0].key == "logging.formt"
    assert caught.value.problems[0].origin == "application.yaml:1"


async def test_what_belongs_to_nobody_is_passed_over_and_said_at_debug(
    here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "lexigram")
    monkeypatch.setenv("LEX_UNRELATED__THING", "1")
    write("warehouse: {x: 1}\n")

    async with Application():
        pass

    ignored = [
        vars(record)["fields"]["origin"]
        for record in caplog.records
        if record.message == "config.ignored"
    ]
    assert ignored == ["application.yaml:1", "$LEX_UNRELATED__THING"]


async def test_a_profile_without_a_file_is_said(
    here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LEX_PROFILE", "prd")

    async with Application():
        pass

    assert "config.profile_without_file" in caplog.messages
