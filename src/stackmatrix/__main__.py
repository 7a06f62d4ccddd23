"""``python -m stackmatrix``."""

import os
import sys

try:
    from stackmatrix.system import guard, output

    # Before anything else: what comes after this is the process below.
    guard.stand_above(guard.parent_of(os.environ))
    output.tolerate_loss()

    from stackmatrix.cli import main
    from stackmatrix.system import environment

    environment.in_order()
    sys.exit(main())
except KeyboardInterrupt:  # while the libraries were being imported: nothing has begun
    sys.exit(130)
