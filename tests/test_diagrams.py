"""The diagrams show what the code is."""

from diagrams import diagrams, imports_between, transitions
from request_path import layers

from lexigram.resilience import CircuitState


def test_the_diagrams_are_not_stale() -> None:
    stale = [p.name for p, text in diagrams().items() if p.read_text() != text]
    assert not stale, "Run tools/diagrams.py --write."


def test_every_arrow_between_distributions_points_at_the_contracts() -> None:
    arrows = imports_between()
    assert {target for (_, target), later in arrows.items() if not later} == {
        "lexigram-contracts"
    }
    # The test bed asks for the core when it is used.
    assert [edge for edge, later in arrows.items() if later] == [
        ("lexigram-testing", "lexigram")
    ]


def test_a_breaker_makes_four_transitions_by_itself() -> None:
    closed, opened, half = (
        CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN,
    )  # fmt: skip
    assert transitions() == {
        (closed, opened), (opened, half), (half, opened), (half, closed),
    }  # fmt: skip


def test_a_request_goes_from_the_client_to_the_pool() -> None:
    modules = [module for module, _ in layers()]
    order = (
        "lexigram.http.client",
        "lexigram.metrics._summary",
        "lexigram.contracts.web.calling._redirects",
        "lexigram.resilience._pipeline.pipeline",
        "lexigram.http.attempt.exchange",
    )
    places = [modules.index(module) for module in order]
    assert places == sorted(places)
    assert modules[0] == order[0]
    assert modules[-1].startswith("lexigram.http.pool.")
