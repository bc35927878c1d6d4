"""What a call would do, said without making it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import (
    InterceptorProtocol,
    RequestContext,
    Timeouts,
    build_request,
)
from lexigram.contracts.web.calling import (
    BodyLimits,
    Interceptors,
    why_not_repeatable,
    with_own_auth,
)
from lexigram.http.call import check_policy
from lexigram.http.config import HTTPClientConfig
from lexigram.http.egress.config import EgressConfig
from lexigram.http.egress.policy import EgressPolicy
from lexigram.http.pool.origins import parted
from lexigram.http.pool.pool import ConnectionPool
from lexigram.http.pool.statistics import PoolStatistics
from lexigram.http.proxies import ProxyChoice, ProxySelector

LimitSource: TypeAlias = Literal["option", "configuration", "default"]
"""Where the length of a limit is from."""

_FIELDS_OF_POOL: Final = {
    "total": "timeout",
    "attempt": "attempt_timeout",
    "pool": "acquire_timeout",
    "connect": "connect_timeout",
    "read": "read_timeout",
}


_NOT_STARTED: Final = (
    "not started; it reads the environment at its start, here it is as of now"
)

_PROXY_REASONS: Final = {
    "": "",
    "option": "by the option `proxy`",
    "configuration": "by the configuration",
}

_SOURCES: Final[dict[LimitSource, str]] = {
    "option": "by the option `timeout`",
    "configuration": "by the configuration",
    "default": "by default",
}


@dataclass(frozen=True, slots=True)
class PlannedLimit:
    """One limit of time."""

    name: str
    """As in `Timeouts`: "total", "attempt", "pool", "connect" or "read"."""
    seconds: float | None
    """Its length; None for no limit."""
    source: LimitSource
    """Where it is from: "option", "configuration" or "default"."""

    @property
    def text(self) -> str:
        """Its length and where that is from."""
        length = "no limit" if self.seconds is None else f"{self.seconds:g} s"
        return f"{length}, {_SOURCES[self.source]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """What a call with these arguments would do; as text, a table.

    What interceptors and the answers make of it is not in it. The wording of texts is for
    people and no API.
    """

    method: str
    """What would be sent."""
    url: str
    """Where to, redacted."""
    timeouts: tuple[PlannedLimit, ...]
    """The limits of time."""
    policies: str
    """What stands around each attempt: the retry, or what was registered."""
    repeatable: bool
    """Whether they may send the request more than once."""
    why_not_repeatable: str
    """Why they may not; "" when they may."""
    redirects: int | None
    """Most redirects that are followed; None when they are not followed."""
    proxy: str | None
    """The URL of the proxy, without credentials; None for a direct connection."""
    proxy_reason: str
    """What decides it: "option", "configuration" or the name of a variable; "" when
    nothing names a proxy."""
    proxy_problem: str
    """Why the proxy that is named cannot be used; the call fails then."""
    tls: str | None
    """The policy of `tls_policies` by which TLS is spoken; None for the client's `tls`."""
    egress: EgressConfig
    """Where the client may connect to."""
    egress_problem: str
    """Why this URL is not called; "" when it is, as far as can be said before its name is
    looked up."""
    around_call: tuple[str, ...]
    """The interceptors of the call; requests pass them in this order."""
    around_attempt: tuple[str, ...]
    """Those of each attempt."""
    limits: BodyLimits
    """How many bytes of a body are accepted, and kept of an error's."""
    cookies: bool
    """Whether cookies are sent and kept."""
    pool: PoolStatistics
    """The connections of this moment."""
    unix_socket: Path | None
    """The socket that every connection goes to, if it is one."""
    started: bool
    """Whether the client is. What is read at its start, such as the environment, is
    taken as it is now when it is not."""

    def __str__(self) -> str:
        rows = list(_rows(self))
        width = max(len(name) for name, _ in rows)
        lines = [f"{self.method} {self.url}"]
        for name, text in rows:
            first, *others = text.splitlines() or [""]
            lines.append(f"  {name:{width}}  {first}")
            lines += [f"  {'':{width}}  {line}" for line in others]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """What one client explains its calls by."""

    config: HTTPClientConfig
    pool: ConnectionPool
    policies: str
    interceptors: Sequence[InterceptorProtocol]
    headers: tuple[tuple[str, str], ...]
    clock: ClockProtocol
    proxies: ProxySelector | None
    """What was read at the start; None before it."""

    def explain(self, method: str, url: str, options: Mapping[str, Any]) -> CallPlan:
        """Return what a call would do.

        Raises:
            HTTPClientError: The arguments are not usable, as for the call.
        """
        config = self.config
        request = build_request(
            method, url, options, headers=self.headers, timeout=config.pool.timeout
        )
        check_policy(request, options, config.tls_policies)
        proxy = self._proxy(request, options)
        why_not = why_not_repeatable(request, options)
        follows = options.get("follow_redirects", config.follow_redirects)
        return CallPlan(
            method=request.method,
            url=redact_url(request.url),
            timeouts=tuple(_limits(config, request, options)),
            policies=self.policies,
            repeatable=not why_not,
            why_not_repeatable=why_not,
            redirects=config.max_redirects if follows else None,
            proxy=None if proxy.proxy is None else proxy.proxy.url,
            proxy_reason=proxy.reason,
            proxy_problem=proxy.problem,
            tls=options.get("tls"),
            egress=config.egress,
            egress_problem=self._egress_problem(request),
            around_call=self._around("call", options),
            around_attempt=self._around("attempt", options),
            limits=BodyLimits(
                options.get("max_response_bytes", config.max_response_bytes),
                config.max_error_bytes,
            ),
            cookies=config.cookie_jar,
            pool=self.pool.statistics(),
            unix_socket=self.pool.unix_socket,
            started=self.proxies is not None,
        )

    def _proxy(
        self, request: RequestContext, options: Mapping[str, Any]
    ) -> ProxyChoice:
        proxies = self.proxies or ProxySelector(self.config)
        if "proxy" in options:
            chosen = proxies.of_call(
                options["proxy"], request.url, method=request.method
            )
            return ProxyChoice(chosen, "option")
        choice = proxies.choose(request.url)
        if choice.reason == "proxy":
            return replace(choice, reason="configuration")
        return choice

    def _egress_problem(self, request: RequestContext) -> str:
        policy = EgressPolicy(self.config.egress)
        if not policy.restricts or self.pool.unix_socket is not None:
            return ""
        try:
            origin, _ = parted(request.url)
        except ValueError:  # which the call says by itself
            return ""
        return policy.why_not(origin.scheme, origin.host, origin.port)

    def _around(self, scope: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        own = Interceptors.of(scope, self.interceptors, self.clock)
        members = own.members
        if "auth" in options and with_own_auth(own, scope, options["auth"]) is not own:
            members = (*members, options["auth"])
        return tuple(type(member).__qualname__ for member in members)


def _limits(
    config: HTTPClientConfig, request: RequestContext, options: Mapping[str, Any]
) -> Iterator[PlannedLimit]:
    given = options.get("timeout", ...)
    parts = given if isinstance(given, Timeouts) else Timeouts(total=given)
    effective = parts.over(config.pool.timeouts())
    for name, key in _FIELDS_OF_POOL.items():
        source: LimitSource = (
            "configuration" if key in config.pool.model_fields_set else "default"
        )
        if getattr(parts, name) is not ...:
            source = "option"
        # The whole call's may be given as an integer, and is read with the request.
        seconds = request.timeout if name == "total" else getattr(effective, name)
        yield PlannedLimit(name, seconds, source)


def _rows(plan: CallPlan) -> Iterator[tuple[str, str]]:
    """Return the lines of a plan, as names and texts."""
    for limit in plan.timeouts:
        yield limit.name, limit.text
    yield "policies", plan.policies
    yield "repeatable", "yes" if plan.repeatable else f"no: {plan.why_not_repeatable}"
    followed = plan.redirects is not None
    yield "redirects", f"up to {plan.redirects}" if followed else "not followed"
    yield "proxy", _of_proxy(plan)
    if plan.unix_socket is not None:
        yield "Unix socket", str(plan.unix_socket)
    yield "TLS", _of_tls(plan)
    yield "egress", _of_egress(plan)
    yield "around the call", ", ".join(plan.around_call) or "nothing"
    yield "around an attempt", ", ".join(plan.around_attempt) or "nothing"
    yield (
        "body",
        f"{_bytes(plan.limits.response)}, of an error {_bytes(plan.limits.error)}",
    )
    yield "cookies", "kept" if plan.cookies else "not kept"
    yield "pool now", _of_pool(plan.pool)
    yield "client", "started" if plan.started else _NOT_STARTED


def _of_proxy(plan: CallPlan) -> str:
    if plan.proxy_problem:
        return f"the call fails: {plan.proxy_problem}"
    reason = _PROXY_REASONS.get(plan.proxy_reason, f"by {plan.proxy_reason}")
    return ", ".join(filter(None, (plan.proxy or "none", reason)))


def _of_egress(plan: CallPlan) -> str:
    if plan.egress_problem:
        return f"{plan.egress.summary}\nthe call fails: {plan.egress_problem}"
    return plan.egress.summary


def _of_tls(plan: CallPlan) -> str:
    if plan.url.startswith("http:"):
        return "not for http"
    if plan.tls is None:
        return "as `tls` says"
    return f"as `tls_policies` says of {plan.tls!r}"


def _bytes(limit: int | None) -> str:
    return "of any size" if limit is None else f"up to {limit} bytes"


def _of_pool(now: PoolStatistics) -> str:
    return (
        f"{now.in_use} in use, {now.idle} idle, {now.waiting} waiting, "
        f"{now.opened} opened, {now.reused} reused"
    )
