"""How many examples a property is tried with.

A desk waits for its tests, and runs them all the time: each run tries other examples.
The gate, which runs once, takes `--hypothesis-profile=thorough`.
"""

from hypothesis import settings

_USUAL = settings.get_profile(settings.get_current_profile_name())

settings.register_profile("quick", _USUAL, max_examples=20)
settings.register_profile("thorough", _USUAL, max_examples=100)
settings.load_profile("quick")
