"""No secret leaves through a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.redaction import (
    is_secret_key,
    is_secret_name,
    redact_headers,
    redact_text,
    redact_url,
    redact_urls,
)
from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPDecodeError,
    HttpResponse,
    RequestContext,
    ResponseContext,
)

SECRET = st.text("s3cretS3CRET", min_size=6)


@given(SECRET, SECRET, SECRET)
def test_userinfo_query_values_and_fragment_never_show(
    user: str, password: str, value: str
) -> None:
    url = f"https://{user}:{password}@host/path?key={value}&{value}#{value}"
    assert redact_url(url) == "https://***@host/path?key=***&***"


@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    assert isinstance(redact_url(text), str)


@pytest.mark.parametrize(
    "name",
    ["Authorization", "proxy-authorization", "Cookie", "Set-Cookie", "X-Api-Key",
     "api_key", "X-Amz-Security-Token", "password", "client_secret", "sig", "key"],
)  # fmt: skip
def test_names_that_carry_credentials_are_known(name: str) -> None:
    assert is_secret_name(name)
    assert redact_headers([(name, "v")]) == [(name, "***")]


@pytest.mark.parametrize(
    "name", ["Accept", "Content-Type", "X-Request-Id", "Keyboard", "ETag"]
)
def test_other_names_are_shown(name: str) -> None:
    assert not is_secret_name(name)


def test_contexts_and_errors_show_no_secret() -> None:
    url = "https://u:s3cret@h/?token=s3cret"
    request = RequestContext("GET", url)
    request.headers["Authorization"] = "Bearer s3cret"
    error = HTTPConnectionError("gone.", failure="disconnected", method="GET", url=url)
    for shown in (
        repr(request),
        repr(ResponseContext(200, url=url)),
        str(error),
        repr(error),
        error.url,
    ):
        assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"id": 1, "access_token": "s3cret"}', '{"id": 1, "access_token": ***}'),
        ('{"token": "s3cr', '{"token": ***'),
        ("{'api_key': 's3cret', 'a': 1}", "{'api_key': ***, 'a': 1}"),
        ("grant=x&client_secret=s3cret&b=c", "grant=x&client_secret=***&b=c"),
        ("Authorization: s3cret", "Authorization: ***"),
        ('{"password":12345}', '{"password":***}'),
        ("<html>nothing: here</html>", "<html>nothing: here</html>"),
        ("", ""),
    ],
)
def test_values_after_secret_names_are_taken_out_of_texts(
    text: str, shown: str
) -> None:
    assert redact_text(text) == shown


@given(st.text())
def test_any_text_can_be_searched_for_secrets(text: str) -> None:
    assert isinstance(redact_text(text), str)


def test_the_excerpt_of_an_undecodable_body_hides_its_secrets() -> None:
    response = HttpResponse(200, body=b'{"token": "s3cret", "a": 1')
    with pytest.raises(HTTPDecodeError) as caught:
        _ = response.json
    assert "s3cret" not in str(caught.value)
    assert "'a'" in str(caught.value) or '"a"' in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("//u:p@host/x", "//***@host/x"),
        ("//u:p@host/x#f", "//***@host/x"),
        ("https://u:p@q@host/", "https://***@host/"),
        ("https://host/x@y", "https://host/x@y"),
        ("https://host/x//a@b", "https://host/x//a@b"),
        ("https://host?u:p@x", "https://host?***"),
        ("https://host/x#a=b", "https://host/x"),
        ("https://host/x#a?b=c", "https://host/x"),
        ("https://host/?a=b=c&d", "https://host/?a=***&***"),
        ("https://host/?a=&=b&", "https://host/?a=***&=***&***"),
        ("https://host/?a=b?c=d", "https://host/?a=***"),
        ("https://host/?", "https://host/?***"),
        ("https://host", "https://host"),
        ("", ""),
        # Mistakes, which error messages are about.
        (" https://u:p@host/", " https://***@host/"),
        ("https:/u:p@host/", "https:/***@host/"),
        ("https:\\\\u:p@host/", "https:\\\\***@host/"),
        ("u:p@host/x", "***@host/x"),
        ("https://u:p/w@host/", "https://***"),
        ("https://u:p#w@host/", "https://***"),
        ("https://u:p?w@host/", "https://***"),
        ("https://host:80x/y", "https://***"),
        ("https://[::1]:80/y", "https://[::1]:80/y"),
        ("http://::1/y", "http://::1/y"),
        ("/x@y", "/x@y"),
        ("https://a/b/https://u:p@host/", "https://a/b/https://***@host/"),
    ],
)
def test_a_url_shows_where_and_which_parameters(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token=a token=b", "token=*** token=***"),
        ("Token : a; b: c", "Token : ***; b: c"),
        ("api-key = 'a b' x", "api-key = *** x"),
        ("page=1&token=a", "page=1&token=***"),
        ("Authorization: Bearer a.b", "Authorization: ***"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: ***\nHost: x"),
        ("[('X-Api-Key', 'a'), ('B', 'c')]", "[('X-Api-Key', ***), ('B', 'c')]"),
        ('["Cookie", "a"]', '["Cookie", ***]'),
        ('{"said": "token=a"}', '{"said": "token=***}'),
        (
            "no answer from https://u:p@h/?a=b yet",
            "no answer from https://***@h/?a=*** yet",
        ),
        ("Bearer eyJ0eXAi is over", "Bearer *** is over"),
        ("Basic authentication failed", "Basic authentication failed"),
        ("author: Bob; authority: none", "author: Bob; authority: none"),
        ("token=&password=, secret=a", "token=&password=, secret=***"),
    ],
)
def test_every_secret_of_a_text_is_hidden_and_its_surroundings_stay(
    text: str, shown: str
) -> None:
    assert redact_text(text) == shown


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("access_token", True),
        ("API-Key", True),
        ("my\nsecret", True),
        ("pwd", True),
        ("token_type", False),
        ("token_endpoint", False),
        ("key", False),
        ("monkey", False),
    ],
)
def test_keys_of_data_are_secret_by_less_than_names_of_headers(
    name: str, *, is_secret: bool
) -> None:
    assert is_secret_key(name) is is_secret
    assert is_secret_name(name) or not is_secret


def test_headers_are_redacted_in_order_with_repetitions() -> None:
    assert redact_headers([("A", "1"), ("Cookie", "x"), ("a", "2")]) == [
        ("A", "1"), ("Cookie", "***"), ("a", "2"),
    ]  # fmt: skip


def test_a_header_that_holds_urls_shows_them_redacted() -> None:
    assert redact_headers(
        [
            ("Location", "/cb?code=s3cret#s3cret"),
            ("Link", '</v1?cursor=s3cret>; rel="next", <https://u:s3cret@h/>; rel=up'),
            ("Refresh", "0; url=https://u:s3cret@h/"),
        ]
    ) == [
        ("Location", "/cb?code=***"),
        ("Link", '</v1?cursor=***>; rel="next", <https://***@h/>; rel=up'),
        ("Refresh", "0; url=https://***@h/"),
    ]


def test_values_may_be_shown_by_name_and_marked_in_other_words() -> None:
    url = "https://u:p@h/?page=2&q=a&flag#f"
    shown = redact_url(url, shown={"page"}, userinfo="U:P", value="V")
    assert shown == "https://U:P@h/?page=2&q=V&V"


@given(st.text("https:/@?#=&\\ .au[]1"), SECRET)
def test_what_stands_before_an_at_sign_in_an_authority_never_shows(
    before: str, password: str
) -> None:
    assert password not in redact_url(f"https://{password}@{before}")
    assert password not in redact_urls(f"see https://u:{password}@h/{before}")


@pytest.mark.parametrize(
    "piece", ["a", "a:", "Bearer ", "http://", "@", '"a",', "a=", "//", "'"]
)
def test_a_long_text_is_searched_in_one_pass(piece: str) -> None:
    text = piece * 40_000
    assert isinstance(redact_text(text) + redact_url(text), str)
