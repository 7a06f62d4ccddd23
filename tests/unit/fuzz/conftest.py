"""Makes the long profile known before pytest looks for it: ``--hypothesis-profile=long``."""

from tests import hostile

assert hostile.LONG
