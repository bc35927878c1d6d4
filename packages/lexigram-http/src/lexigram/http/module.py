"""The module that brings an outbound client into an application."""

from __future__ import annotations

from lexigram.contracts.di import ConfigSection, ModuleDefinition, bind, written_at
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.http.client import HTTPClient
from lexigram.http.config import HTTPClientConfig
from lexigram.http.provider import HTTPProvider


class HTTPModule:
    """Offers one client under `HTTPClientProtocol`, and under `HTTPClient`.

    The client starts and stops with the application. Policies, metrics and interceptors
    that other modules register are picked up; see `HTTPProvider`.
    """

    @staticmethod
    def configure(config: HTTPClientConfig | None = None) -> ModuleDefinition:
        """Return the module, configured by the `http` section.

        Args:
            config: Fields set here win over the files' and yield to the environment's;
                fields left alone come from there.
        """
        return _module(ConfigSection("http", HTTPClientConfig, config))

    @staticmethod
    def stub() -> ModuleDefinition:
        """Return the module with default configuration, whatever files and environment say.

        For tests of an application: nothing is sent unless something is called.
        """
        return _module(None)


def _module(section: ConfigSection[HTTPClientConfig] | None) -> ModuleDefinition:
    defaults = [] if section else [bind(HTTPClientConfig).to(HTTPClientConfig)]
    return ModuleDefinition(
        name="HTTPModule",
        providers=(
            *defaults,
            bind(HTTPClient).to(HTTPProvider.client),
            bind(HTTPClientProtocol).to(_as_protocol),
        ),
        exports=(HTTPClientProtocol, HTTPClient),
        config=section,
        origin=written_at(2),
    )


def _as_protocol(client: HTTPClient) -> HTTPClientProtocol:
    return client
