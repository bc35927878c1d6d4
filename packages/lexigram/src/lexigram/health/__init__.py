"""How an application is doing, as `Application.health` tells it."""

from lexigram.health._report import ApplicationHealth, CheckResult

__all__ = ["ApplicationHealth", "CheckResult"]
