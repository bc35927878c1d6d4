"""As whom, which way and under which name a call is made."""

import unicodedata
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPInvalidRequestError,
    InterceptorProtocol,
    RequestContext,
    build_request,
)
from lexigram.contracts.web.calling import basic_credentials, describe_call

URL = "https://api.test/v1/invoices/42"

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]))


class Nobody(InterceptorProtocol):
    """Adds nothing."""


def built(url: str = URL, **options: Any) -> RequestContext:
    return build_request("GET", url, options)


def refusal(url: str = URL, **options: Any) -> str:
    with pytest.raises(HTTPInvalidRequestError) as caught:
        built(url, **options)
    assert caught.value.method == "GET"
    assert caught.value.__cause__ is None
    return str(caught.value)


@given(user=TEXT.filter(lambda user: ":" not in user), password=TEXT)
def test_a_pair_of_user_and_password_is_what_a_server_decodes(
    user: str, password: str
) -> None:
    value = built(auth=(user, password)).headers["Authorization"]
    decoded = b64decode(value.removeprefix("Basic ")).decode()
    assert decoded == unicodedata.normalize("NFC", f"{user}:{password}")


def test_a_pair_is_the_example_of_the_rfc() -> None:
    # RFC 7617 §2 and §2.1.
    example = basic_credentials("Aladdin", "open sesame")
    assert example == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert basic_credentials("test", "123\u00a3") == "Basic dGVzdDoxMjPCow=="


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        (("me:s3cret", "pw"), "colon"),
        (("me", "s3cret\n"), "control character"),
        (("me", "s3cret\udc80"), "surrogate"),
        (("me", b"s3cret"), "two strings"),
        (("s3cret",), "two strings"),
        (("me", "s3cret", "x"), "two strings"),
        ("Bearer s3cret", "of type str"),
        (["me", "s3cret"], "of type list"),
        (Nobody, "the class Nobody"),
    ],
)
def test_credentials_that_cannot_be_sent_are_refused_and_not_shown(
    auth: Any, words: str
) -> None:
    message = refusal(auth=auth)
    assert words in message
    assert "s3cret" not in message


@pytest.mark.parametrize("auth", [("me", "s3cret"), Nobody(), None])
def test_a_call_says_once_who_it_is(auth: Any) -> None:
    message = refusal(auth=auth, headers={"authorization": "Bearer s3cret"})
    assert "Give one of them" in message
    assert "s3cret" not in message
    for address in ("https://me:s3cret@api.test", "https://me:s3cret@api.test?a=b"):
        message = refusal(address, auth=auth)
        assert "in the URL" in message
        assert "s3cret" not in message
    assert built("https://api.test/@me?a=@b#@", auth=auth).own_auth


@pytest.mark.parametrize(
    ("auth", "sent"), [(("a", ""), "Basic YTo="), (Nobody(), None), (None, None)]
)
def test_the_credentials_of_a_call_take_the_place_of_the_defaults(
    auth: Any, sent: str | None
) -> None:
    defaults = [("authorization", "Bearer client"), ("X-Team", "a")]
    request = build_request("GET", URL, {"auth": auth}, headers=defaults)
    assert request.headers.get("Authorization") == sent
    assert request.headers["X-Team"] == "a"
    assert request.own_auth
    assert not build_request("GET", URL, {"retry": True}, headers=defaults).own_auth


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        (42, "of type int"),
        ("", "no scheme"),
        ("proxy.test:3128", "scheme 'proxy.test'"),
        ("ftp://me:s3cret@proxy.test", "scheme 'ftp'"),
        ("socks5://me:s3cret@proxy.test:1080", "SOCKS"),
        ("http://me:s3cret@", "no host"),
        ("http://me:s3cret@proxy.test:port", "parsed"),
        ("http://me:s3 cret@proxy.test", "white space"),
        ("http://me%3Ayou:s3cret@proxy.test", "colon"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_as_the_problem(
    proxy: Any, words: str
) -> None:
    for _ in range(2):  # the second time from memory
        message = refusal(proxy=proxy)
        assert words in message
        assert "proxy" in message
        assert "s3" not in message


@pytest.mark.parametrize("proxy", [None, "http://proxy.test:3128", "https://u:p@h"])
def test_a_proxy_that_can_be_used_changes_nothing_of_the_request(
    proxy: str | None,
) -> None:
    assert built(proxy=proxy) == built()


@pytest.mark.parametrize("option", ["tls", "route"])
@pytest.mark.parametrize("name", ["", " ", "a\nb", None, 42])
def test_a_name_is_text_in_one_line(option: str, name: Any) -> None:
    assert refusal(**{option: name}).startswith(f"GET {URL}: {option}")


def test_the_route_names_the_operation_for_policies() -> None:
    named = built(route="/v1/invoices/{id}")
    assert named.route == "/v1/invoices/{id}"
    assert describe_call(named, {}, None).operation == "GET /v1/invoices/{id}"
    assert built().route == ""
    assert describe_call(built(), {}, None).operation == "GET"
