"""``python -m stackmatrix``."""

import sys

try:
    from stackmatrix.cli import main

    sys.exit(main())
except KeyboardInterrupt:  # while the libraries were being imported: nothing has begun
    sys.exit(130)
