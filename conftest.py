"""What every run of the tests has in common.

How many examples a property is tried with: a desk waits for its tests, and runs them all
the time, so that each run tries other examples. The gate, which runs once, takes
`--hypothesis-profile=thorough`.
"""

import gc

from hypothesis import settings

_USUAL = settings.get_profile(settings.get_current_profile_name())

settings.register_profile("quick", _USUAL, max_examples=20)
settings.register_profile("thorough", _USUAL, max_examples=100)
settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """Leave what is there by now out of every later collection of garbage.

    Thousands of tests and what they import are a heap that takes a second to look
    through, and a test that asks whether something is let go looks through all of it.
    """
    gc.collect()
    gc.freeze()
