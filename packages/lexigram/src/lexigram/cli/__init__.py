"""The command `lexigram`: checks, draws and explains an application without booting it."""

from lexigram.cli._main import main

__all__ = ["main"]
