"""`python -m hubtrack.stack`."""

import sys

from hubtrack.stack.cli import main

sys.exit(main())
