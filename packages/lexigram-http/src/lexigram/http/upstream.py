"""What a client of one upstream makes of its calls: their URLs and their options."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

from lexigram.contracts.suggestions import refuse_unknown
from lexigram.contracts.web import RequestOptions, build_request, check_url
from lexigram.http.defaults import (
    DefaultOptions,
    PathOptions,
    names_in_query,
    over,
    without_secrets,
)
from lexigram.http.joining import BaseURL, is_absolute
from lexigram.http.templates import expand

__all__ = ["Upstream"]


@dataclass(frozen=True, slots=True)
class Upstream:
    """A base URL, and what is added to the calls below it."""

    base: BaseURL
    defaults: RequestOptions = field(repr=False)  # credentials among them
    allow_absolute: bool = False

    @classmethod
    def at(cls, base_url: str, defaults: DefaultOptions) -> Self:
        """Return an upstream.

        Raises:
            HTTPInvalidRequestError: The base URL or a default is not usable.
            TypeError: There is no such default.
        """
        return cls(BaseURL(base_url), {}).changed("", defaults)

    def changed(self, path: str, changes: DefaultOptions) -> Self:
        """Return a part of this upstream, with other defaults.

        Raises:
            HTTPInvalidRequestError: The path leads out, or a default is not usable.
            TypeError: There is no such default.
        """
        refuse_unknown("BaseURLHTTPClient", changes, DefaultOptions.__annotations__)
        given: dict[str, Any] = {**changes}
        absolute = given.pop("allow_absolute", self.allow_absolute)
        defaults = over(self.defaults, cast("RequestOptions", given))
        base = BaseURL(self.base.join(expand(path, {}))) if path else self.base
        # What no call can use is said where it was written.
        build_request("GET", base.url, defaults)
        return replace(self, base=base, defaults=defaults, allow_absolute=absolute)

    def prepare(self, path: str, options: PathOptions) -> tuple[str, RequestOptions]:
        """Return the URL of a call, and its options with what is added to them.

        Raises:
            HTTPInvalidRequestError: The path leads out, or its variables do not fit.
        """
        absolute = options.pop("allow_absolute", self.allow_absolute)
        filled = expand(path, options.pop("path_params", {}))
        below = self.base.below(filled)
        if below is None:
            # A variable does not choose a host, whatever is allowed.
            if not absolute or filled != path or not is_absolute(path):
                raise self.base.refusal(path)
            check_url(path)
            return path, over(without_secrets(self.defaults), options)
        if filled != path and "route" not in options:
            options["route"] = self._route(path)
        present = names_in_query(below) if "params" in self.defaults else ()
        return self.base.url + below, over(self.defaults, options, present)

    def _route(self, template: str) -> str:
        """Return the path of a template, with that of the base URL before it."""
        below = self.base.below(template.partition("?")[0]) or ""
        # Of a whole URL the braces are escaped.
        return self.base.path + below.replace("%7B", "{").replace("%7D", "}")
