"""``python -m helion_runtime``: look at bundles, make keys, sign. See :mod:`helion_runtime.cli`."""

import sys

from helion_runtime.cli import main

if __name__ == "__main__":
    sys.exit(main())
