# mypy: ignore-errors
"""Names that nobody offers, although one namespace holds five distributions."""

import lexigram.nope  # error: import-not-found | reportMissingImports
from lexigram import Nope  # error: attr-defined | reportAttributeAccessIssue
from lexigram.http import Nothing  # error: attr-defined | reportAttributeAccessIssue
from lexigram.result import Some  # error: attr-defined | reportAttributeAccessIssue

__all__ = ["Nope", "Nothing", "Some", "lexigram"]
