"""`python -m lexigram.http`: calls from a terminal."""

from __future__ import annotations

import sys

from lexigram.http.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
