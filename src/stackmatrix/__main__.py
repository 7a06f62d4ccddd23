"""``python -m stackmatrix``."""

import sys

from stackmatrix.cli import main

sys.exit(main())
