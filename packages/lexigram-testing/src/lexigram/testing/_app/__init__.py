"""An application under test, with fakes in the place of what it reaches for."""
