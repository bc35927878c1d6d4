"""Numbers for people: what an application's calls are like, kept in the process."""

from lexigram.metrics._module import MetricsSummaryModule
from lexigram.metrics._sketch import RELATIVE_ERROR, Sketch
from lexigram.metrics._summary import MetricsSummary

__all__ = ["RELATIVE_ERROR", "MetricsSummary", "MetricsSummaryModule", "Sketch"]
