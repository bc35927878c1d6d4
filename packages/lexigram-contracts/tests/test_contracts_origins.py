"""The place where something was written is found by counting the frames of calls.

Apart from the other values, as these tests hold only where no tool puts a frame of its
own around each function, as mutation testing does.
"""

from lexigram.contracts.di import Binding, bind, provide, written_at


def test_the_place_of_a_call_is_the_caller_s_line() -> None:
    def here() -> str:
        return written_at()

    def further() -> str:
        return [written_at(2)][0]

    def indirect() -> str:
        return further()

    line = here.__code__.co_firstlineno
    assert here() == f"{__file__}:{line + 10}"
    assert indirect() == f"{__file__}:{line + 11}"


def test_a_binding_says_the_line_that_wrote_it() -> None:
    def by_factory() -> Binding:
        return bind(dict).to(dict)

    def by_value() -> Binding:
        return bind(int).to_value(7)

    def provided() -> Binding:
        return provide(dict)

    for write in (by_factory, by_value, provided):
        line = write.__code__.co_firstlineno + 1
        assert write().origin == f"{__file__}:{line}"
