"""`python -m lexigram`: the command `lexigram`."""

import sys

from lexigram.cli import main

sys.exit(main())
