"""A file of recorded exchanges, and what a test may do with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias, get_args

from lexigram.contracts.web import HTTPClientError, HttpResponse
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._cassettes.errors import (
    CassetteFileError,
    CassetteVerificationError,
    Drift,
    SecretInCassette,
    UnrecordedRequest,
)
from lexigram.testing._cassettes.explaining import unrecorded_message
from lexigram.testing._cassettes.fileformat import dump_cassette, parse_cassette
from lexigram.testing._cassettes.interactions import (
    Interaction,
    same_apart_from_noise,
)
from lexigram.testing._cassettes.leaks import leaks_in
from lexigram.testing._cassettes.matching import (
    MATCH_ALL,
    Comparison,
    Deck,
    MatchOn,
)
from lexigram.testing._cassettes.pact import pact_of
from lexigram.testing._cassettes.raised import is_recordable
from lexigram.testing._cassettes.redaction import Redactor, SecretRedactor
from lexigram.testing._cassettes.shapes import differences, unhidden
from lexigram.testing._cassettes.storage import read_file, write_file
from lexigram.testing._cassettes.verdict import cassette_verdict
from lexigram.testing._routing.verification import Strictness

__all__ = ["Cassette", "RecordMode", "Send"]

RecordMode: TypeAlias = Literal["replay", "record_missing", "record_all", "verify"]
"""What a cassette does with a request.

| mode | a recorded request | another one | the file |
|---|---|---|---|
| `replay` | gets the recorded answer | is an `UnrecordedRequest` | is not written |
| `record_missing` | gets the recorded answer | is sent and added | grows |
| `record_all` | is sent | is sent | holds what was sent, and nothing else |
| `verify` | is sent too; gets the recorded answer | is an `UnrecordedRequest` | is not written |
"""

Send: TypeAlias = Callable[[], Awaitable[HttpResponse]]
"""Sends the request to the live service."""

_MODES: Final = get_args(RecordMode)
_WRITING: Final = frozenset({"record_missing", "record_all"})
_LEVELS: Final = get_args(Strictness)


class Cassette:
    """Recorded exchanges by request, kept in a file. Made by `Cassette.open`.

    A request is answered by the first recorded interaction with the same method,
    origin, path, query (in any order) and body (as JSON or a form: in any order) that
    has not answered one before. Headers are recorded and not compared.

    Use it from one event loop. Files may be shared by processes that replay; those
    that record should each have their own, or else the last one to close wins.

    Example:
        ```python
        cassette = Cassette.open("users.json", mode="record_missing")
        async with HTTPClient() as live, RecordingHTTPClient(live, cassette) as client:
            await client.get("https://api.example.com/users")
        ```
    """

    def __init__(
        self,
        path: Path,
        content: bytes | None,
        *,
        mode: RecordMode,
        redactor: Redactor,
        comparison: Comparison,
        repeat_last: bool,
        strictness: Strictness,
    ) -> None:
        self.path = path
        """The file."""
        self.mode: RecordMode = mode
        """What is done with a request."""
        self.failures: list[BaseException] = []
        """Every `UnrecordedRequest`, whether or not it was caught."""
        self._content = content
        self._redactor = redactor
        self._comparison = comparison
        self._repeat_last = repeat_last
        self._strictness: Strictness = strictness
        self._loaded = [] if content is None else parse_cassette(content, path)
        self._deck = self._deal_from(self._loaded)
        # A place is taken when a request begins, so that the order does not depend on
        # which answer comes first; it stays empty when the request was cancelled.
        self._recorded: list[Interaction | None] = []
        self._drift: list[Drift] = []

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        mode: RecordMode = "replay",
        redact: Redactor | None = None,
        match: Collection[MatchOn] = MATCH_ALL,
        match_headers: Collection[str] = (),
        repeat_last: bool = False,
        strict: Strictness = "strict",
    ) -> Self:
        """Read a cassette, or begin a new one in the modes that record.

        Args:
            path: The file; its folder is made when it is written.
            mode: What is done with a request, see `RecordMode`.
            redact: What takes secrets out; a `SecretRedactor` when left out.
            match: The parts of a request that have to be as recorded.
            match_headers: Names of headers that have to be as recorded, too.
            repeat_last: Whether the last answer to a request is given again and again
                instead of failing.
            strict: What `close` verifies, as for `FakeHTTPClient`: "strict" also that
                every recorded interaction was asked for, in "replay" and "verify".

        Raises:
            CassetteFileError: There is no such file and the mode does not record, or
                it is malformed or of another version.
            ValueError: `mode`, `match` or `strict` is not one of its words.
        """
        _check_word("mode", mode, _MODES)
        _check_word("strict", strict, _LEVELS)
        comparison = Comparison(match, match_headers)
        path = Path(path)
        content = read_file(path)
        if content is None and mode not in _WRITING:
            raise CassetteFileError(
                f"There is no cassette '{path}', and mode={mode!r} does not record. "
                'Record it with mode="record_missing" and a client that reaches the '
                "service.",
                path=path,
            )
        return cls(
            path,
            content,
            mode=mode,
            redactor=redact or SecretRedactor(),
            comparison=comparison,
            repeat_last=repeat_last,
            strictness=strict,
        )

    @property
    def interactions(self) -> Sequence[Interaction]:
        """What the file holds, or would hold when it were written now."""
        recorded = [i for i in self._recorded if i is not None]
        if self.mode == "record_all":
            return tuple(self._without_noise(recorded))
        return (*self._loaded, *recorded)

    @property
    def needs_client(self) -> bool:
        """Whether a live service is needed: in every mode but "replay"."""
        return self.mode != "replay"

    def unused(self) -> Sequence[Interaction]:
        """Return the recorded interactions that answered no request."""
        return tuple(self._deck.left())

    async def exchange(
        self, request: RecordedRequest, send: Send | None = None
    ) -> HttpResponse:
        """Answer a request from the recording, or send it, as the mode says.

        Raises:
            HTTPClientError: The recorded failure, or that of sending it.
            UnrecordedRequest: There is no answer (any more); `close` tells of it again.
        """
        redacted = self._redactor.redact_request(request)
        if self.mode == "record_all":
            return await self._record(request, redacted, send)
        interaction = self._find(redacted)
        if interaction is None and self.mode == "record_missing":
            return await self._record(request, redacted, send)
        if interaction is None:
            raise self._unrecorded(redacted)
        outcome = interaction.outcome_for(request)
        if self.mode == "verify":
            outcome = await self._verify_live(interaction, outcome, request, send)
        if isinstance(outcome, HTTPClientError):
            raise outcome
        return outcome

    def save(self) -> bool:
        """Write the file if its content changes, and say whether it did.

        Nothing is written in "replay" and "verify". An old recording that differs from
        the new one in volatile headers only is left as it is.

        Raises:
            SecretInCassette: Something in it looks like a secret; nothing is written.
        """
        if self.mode not in _WRITING:
            return False
        interactions = self.interactions
        content = dump_cassette(interactions)
        if content == self._content or not (interactions or self._loaded):
            return False
        redactor = self._redactor
        keep = redactor.keep if isinstance(redactor, SecretRedactor) else ()
        leaks = leaks_in(interactions, keep)
        if leaks:
            raise SecretInCassette(self.path, leaks)
        write_file(self.path, content)
        self._content = content
        return True

    def verify(self) -> None:
        """Raise unless every request was answered and every answer was asked for.

        Raises:
            CassetteVerificationError: Lists what was not, and every drift.
        """
        error = self._verdict(self.failures, self._checked_unused())
        if error is not None:
            raise error

    def close(self, primary: BaseException | None = None) -> None:
        """Write what was recorded, and verify as strictly as asked for.

        It may be called again, and says the same. When the test has failed with
        `primary`, that stays the headline: what else is wrong becomes its note, and
        "record_all" leaves the file as it was, as half a test would replace a whole
        recording.

        Raises:
            SecretInCassette: It would hold what looks like a secret.
            CassetteVerificationError: As `verify`.
        """
        problems = [*self._saving(primary), *self._verifying(primary)]
        if primary is not None:
            for problem in problems:
                primary.add_note(str(problem))
        elif problems:
            headline, *others = problems
            for problem in others:
                headline.add_note(str(problem))
            raise headline

    def to_pact(self, *, consumer: str, provider: str) -> dict[str, Any]:
        """Return the recorded responses as a contract, see `to_pact`."""
        return pact_of(
            [(i.request, i.outcome) for i in self.interactions],
            consumer=consumer,
            provider=provider,
            redactor=self._redactor,
        )

    def __repr__(self) -> str:
        count = len(self.interactions)
        return f"<Cassette '{self.path}' {self.mode}, {count} interactions>"

    def _key(self, request: RecordedRequest) -> Hashable:
        """Return the key of a request that is redacted, as it would be today."""
        return self._comparison.key(self._redactor.redact_request(request))

    def _deal_from(self, interactions: Sequence[Interaction]) -> Deck:
        return Deck((self._key(i.request), i) for i in interactions)

    def _find(self, redacted: RecordedRequest) -> Interaction | None:
        key = self._comparison.key(redacted)
        found = self._deck.deal(key)
        return self._deck.last(key) if found is None and self._repeat_last else found

    async def _record(
        self, request: RecordedRequest, redacted: RecordedRequest, send: Send | None
    ) -> HttpResponse:
        place = len(self._recorded)
        self._recorded.append(None)
        outcome = await self._live(send)
        interaction = Interaction(redacted, self._redact(request, outcome))
        self._recorded[place] = interaction
        if self.mode == "record_missing" and self._repeat_last:
            self._deck.add_dealt(self._comparison.key(redacted), interaction)
        if isinstance(outcome, HTTPClientError):
            raise outcome
        return outcome

    async def _live(self, send: Send | None) -> HttpResponse | HTTPClientError:
        """Return what becomes of the request, unless that is a mistake of the program."""
        if send is None:
            raise ValueError(
                f"mode={self.mode!r} needs a client that reaches the service, and there "
                "is none. Give one, or replay."
            )
        try:
            return await send()
        except HTTPClientError as error:
            if not is_recordable(error):
                raise
            return error

    async def _verify_live(
        self,
        interaction: Interaction,
        outcome: HttpResponse | HTTPClientError,
        request: RecordedRequest,
        send: Send | None,
    ) -> HttpResponse | HTTPClientError:
        live = await self._live(send)
        number = self._loaded.index(interaction) + 1
        redacted = self._redact(request, live)
        self._drift += [
            Drift(f"#{number} {interaction.name()}", *difference)
            for difference in differences(interaction.outcome, redacted)
        ]
        if isinstance(outcome, HttpResponse) and isinstance(live, HttpResponse):
            return unhidden(outcome, live)
        return outcome

    def _redact(
        self, request: RecordedRequest, outcome: HttpResponse | HTTPClientError
    ) -> HttpResponse | HTTPClientError:
        if isinstance(outcome, HttpResponse):
            return self._redactor.redact_response(request, outcome)
        return outcome

    def _without_noise(self, recorded: Sequence[Interaction]) -> list[Interaction]:
        """Return the old recording where the new one tells nothing new."""
        old = self._deal_from(self._loaded)
        kept: list[Interaction] = []
        for new in recorded:
            before = old.deal(self._key(new.request))
            same = before is not None and same_apart_from_noise(before, new)
            kept.append(before if before is not None and same else new)
        return kept

    def _unrecorded(self, redacted: RecordedRequest) -> UnrecordedRequest:
        message = unrecorded_message(
            f"'{self.path}'", redacted, self._loaded, self._comparison
        )
        failure = UnrecordedRequest(message, redacted)
        self.failures.append(failure)
        return failure

    def _saving(self, primary: BaseException | None) -> list[Exception]:
        if self.mode == "record_all" and primary is not None:
            primary.add_note(
                f"The cassette '{self.path}' was left as it is, since the test that "
                "records it failed."
            )
            return []
        try:
            self.save()
        except (SecretInCassette, OSError) as error:
            return [error]
        return []

    def _verifying(self, primary: BaseException | None) -> list[Exception]:
        if self._strictness == "lenient":
            return []
        failures = [failure for failure in self.failures if failure is not primary]
        unused = self._checked_unused() if self._strictness == "strict" else ()
        error = self._verdict(failures, unused)
        return [] if error is None else [error]

    def _checked_unused(self) -> Sequence[Interaction]:
        return () if self.mode in _WRITING else self.unused()

    def _verdict(
        self, failures: Sequence[BaseException], unused: Sequence[Interaction]
    ) -> CassetteVerificationError | None:
        return cassette_verdict(
            self.path, failures, self._drift, unused=unused, among=self._loaded
        )


def _check_word(option: str, word: str, known: Sequence[str]) -> None:
    if word not in known:
        raise ValueError(
            f"{option}={word!r} is unknown. Use {', '.join(map(repr, known))}."
        )
