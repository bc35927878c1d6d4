import logging
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

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
    pools: dict[str, Pool] = {}
    pin: SecretStr | None = Field(default=None, max_length=3)
    mirrors: tuple[str, ...] = ()

    @field_validator("mirrors")
    @classmethod
    def at_most_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > 1:
            raise ValueError(f"{value[0]} is enough")
        return value

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
            (
                "The file must be a mapping of sections, not a list. Begin it with the "
                "name of a section and a colon. (application.yaml:1)"
            ),
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


async def test_a_validator_s_own_words_about_a_list_are_redacted(here: Path) -> None:
    assert await report("http:\n  mirrors: ['http://me:s3cr3t@a.test', b]\n") == [
        "http.mirrors: http://***@a.test is enough, got a list. (application.yaml:2)"
    ]


async def test_defaults_that_do_not_go_together_have_no_origin(here: Path) -> None:
    class Unusable(BaseModel):
        @model_validator(mode="after")
        def refuse(self) -> Self:
            raise ValueError("nobody can use this")

    module = ModuleDefinition(name="M", config=ConfigSection("shop", Unusable))
    with pytest.raises(ConfigError, match=r"\n  shop: nobody can use this\.$"):
        Application(module).check()


async def test_text_that_is_not_yaml_is_reported_with_its_line(here: Path) -> None:
    (found,) = await report("http:\n  pool: [1\n  proxy: 2\n")

    assert found.startswith("This is not valid YAML: ")
    assert found.endswith("(application.yaml:3)")


async def test_a_file_that_is_not_text_is_reported(here: Path) -> None:
    (here / "application.yaml").write_bytes(b"\xff\xfe\xff")

    (found,) = await report()

    assert found == "The file is not text. Save it as UTF-8. (application.yaml)"


async def test_a_named_file_that_is_missing_is_an_error(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"no file 'no\.yaml'\. .* \(Python\)"):
        await Application(config_file="no.yaml").start()

    monkeypatch.setenv("LEX_CONFIG", "gone.yaml")
    (found,) = await report()
    assert found == (
        "There is no file 'gone.yaml'. Create it, or name another. ($LEX_CONFIG)"
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


async def test_a_profile_without_a_file_is_a_problem_that_names_the_nearest(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_PROFILE", "prd")
    for name in ("application.prod.yaml", "application.test.yaml"):
        (here / name).touch()

    assert await report("http: {pol: 1}") == [
        (
            "The profile has no file 'application.prd.yaml'. Did you mean 'prod'? "
            "($LEX_PROFILE)"
        ),
        "http.pol: Unknown key. Did you mean 'pool'? (application.yaml:1)",
    ]


@pytest.mark.parametrize("profile", ["a/b", "..", "/etc"])
async def test_a_profile_that_is_no_name_has_no_file(
    profile: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_PROFILE", profile)

    (found,) = await report()

    assert found.startswith("The profile has no file 'application.")


async def test_unusable_files_do_not_hide_what_else_is_wrong(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_PROFILE", "prod")
    monkeypatch.setenv("LEX_BILLING__RETRIES", "many")
    (here / "application.prod.yaml").mkdir()
    billing = ModuleDefinition(name="B", config=ConfigSection("billing", Billing))

    found = await report("http:\n  pool: [1\n", None, billing)

    # `billing.url` is required, but may be in what could not be read.
    assert [line.partition(" (")[0] for line in found] == [
        "Cannot read 'application.prod.yaml': Is a directory.",
        (
            "This is not valid YAML: while parsing a flow sequence, expected ',' or ']', "
            "but got '<stream end>'."
        ),
        (
            "billing.retries: Input should be a valid integer, unable to parse string as "
            "an integer, got 'many'."
        ),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http: {hosts: [2026-02-30]}", "day is out of range for month."),
        ("http: &a {labels: *a}", "the alias of 'http.labels' contains itself."),
        ("http: &a [*a]", "the alias of 'http.0' contains itself."),
        (f"http: {'[' * 5000}", "it is nested too deeply."),
        ("http: !secret x", "could not determine a constructor for the tag '!secret'."),
        ("http: {[1]: 2}", "while constructing a mapping, found unhashable key."),
        ("http: *nowhere", "found undefined alias 'nowhere'."),
        ("a: 1\n---\nb: 2", "expected a single document in the stream, but found"),
        (
            "http:\n\tpool: 1",
            "while scanning for the next token, found character '\\t'",
        ),
        ("a: \0", "unacceptable character #x0000"),
    ],
)
async def test_no_text_gets_past_the_report(
    text: str, expected: str, here: Path
) -> None:
    (found,) = await report(text)

    assert found.startswith(f"This is not valid YAML: {expected}")
    assert "application.yaml" in found


async def test_a_key_that_is_set_twice_is_a_problem(here: Path) -> None:
    text = "http:\n  hosts: []\n  pool: {least: 1, least: 2}\n  hosts: []\nhttp: {}\n"

    assert await report(f"{text}theirs: {{a: 1, a: 2}}\n") == [
        f"{key}: The key is set already in line {first}. Remove one of the two. "
        f"(application.yaml:{line})"
        for key, line, first in [
            ("http.pool.least", 3, 3),
            ("http.hosts", 4, 2),
            ("http", 5, 1),
        ]
    ]


async def test_merged_keys_keep_the_lines_they_were_written_in(here: Path) -> None:
    text = "base: &base\n  least: 8\n  most: 7\nhttp:\n  pool:\n    <<: *base\n"

    (found,) = await report(text)

    assert found.endswith("(application.yaml:2, application.yaml:3)")


async def test_a_value_that_cannot_be_had_is_reported_once(here: Path) -> None:
    text = "billing: {url: '${NOT_SET}'}\nhttp: {hosts: ['${NOT_SET}', x]}\n"
    billing = ModuleDefinition(name="B", config=ConfigSection("billing", Billing))

    found = await report(text, None, billing)

    assert [line.partition(":")[0] for line in found] == [
        "billing.url", "http.hosts.0",
    ]  # fmt: skip


async def test_single_underscores_between_the_parts_are_a_problem(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_HTTP_POOL_TIMEOUT", "3")

    assert await report() == [
        (
            "Unknown variable. Did you mean '$LEX_HTTP__POOL__TIMEOUT'? "
            "($LEX_HTTP_POOL_TIMEOUT)"
        )
    ]


async def test_an_unknown_key_in_a_variable_s_json_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_HTTP__POOL", '{"timeot": 1}')

    assert await report() == [
        "http.pool.timeot: Unknown key. Did you mean 'timeout'? ($LEX_HTTP__POOL)"
    ]


async def test_an_unknown_key_among_many_of_a_kind_is_named(here: Path) -> None:
    assert await report("http:\n  pools:\n    a:\n      timeot: 1\n") == [
        "http.pools.a.timeot: Unknown key. Did you mean 'timeout'? (application.yaml:4)"
    ]


async def test_the_place_in_python_is_named_as_seen_from_here(here: Path) -> None:
    explicit = Settings.model_construct({"hosts"}, hosts=["x"])
    section = ConfigSection("http", Settings, explicit)
    places = [(str(here / "app.py:7"), "app.py:7"), ("/x/lib.py:1", "/x/lib.py:1")]

    for origin, shown in places:
        module = ModuleDefinition(name="HTTP", config=section, origin=origin)
        with pytest.raises(ConfigError, match=rf"\(Python at {shown}\)"):
            Application(module).check()


# The values of `*_FILE` variables.


async def test_a_file_that_a_variable_names_and_that_cannot_be_read_is_a_problem(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "binary").write_bytes(b"\xff")
    monkeypatch.setenv("LEX_BILLING__URL_FILE", "gone")
    monkeypatch.setenv("LEX_HTTP__PROXY_FILE", "binary")
    billing = ModuleDefinition(name="B", config=ConfigSection("billing", Billing))

    assert sorted(await report(None, None, billing)) == [
        (
            "billing.url: Cannot read the file 'gone': No such file or directory. "
            "($LEX_BILLING__URL_FILE)"
        ),
        (
            "http.proxy: The file 'binary' is not text. Save it as UTF-8. "
            "($LEX_HTTP__PROXY_FILE)"
        ),
    ]


async def test_a_value_and_a_file_for_it_are_a_problem(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "proxy").write_text("http://host.test")
    monkeypatch.setenv("LEX_HTTP__PROXY", "http://host.test")
    monkeypatch.setenv("LEX_HTTP__PROXY_FILE", "proxy")

    assert await report() == [
        (
            "http.proxy: $LEX_HTTP__PROXY is set as well. Unset one of the two. "
            "($LEX_HTTP__PROXY_FILE)"
        )
    ]


async def test_what_comes_from_a_file_is_not_shown(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "proxy").write_text("s3cr3t\n")
    monkeypatch.setenv("LEX_HTTP__PROXY_FILE", "proxy")

    assert await report() == [
        "http.proxy: proxy *** has no host, got ***. ($LEX_HTTP__PROXY_FILE)"
    ]


async def test_a_value_of_a_secret_type_is_not_shown(here: Path) -> None:
    assert await report("http: {pin: s3cr3t}") == [
        (
            "http.pin: Value should have at most 3 items after validation, not 6, got "
            "***. (application.yaml:1)"
        )
    ]


# What YAML is made of comes up more often than in any text.
PIECES = st.sampled_from(
    [*"{}[]:,&*!|>-?#%@'\"\n\t ab1~<", ": ", "\n  ", "&a ", "*a", "${"]
)


@given(
    section=st.lists(PIECES | st.characters(), max_size=12).map("".join),
    variable=st.text(st.characters(exclude_characters="\0", codec="utf-8")),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_is_read_or_reported(
    section: str, variable: str, here: Path
) -> None:
    try:
        write(f"http: {section}")
    except UnicodeEncodeError:
        reject()
    http = ModuleDefinition(name="HTTP", config=ConfigSection("http", Settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEX_HTTP__POOL", variable)
        try:
            read: list[object] = [Application(http).config.sections["http"]]
        except ConfigError as error:
            read = [problem.message for problem in error.problems]

    assert all(isinstance(one, Settings) or str(one).endswith(".") for one in read)
