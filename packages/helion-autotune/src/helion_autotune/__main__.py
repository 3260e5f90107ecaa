"""``python -m helion_autotune``: the command ``helion-autotune``, where scripts are not on the path."""

import sys

from helion_autotune.cli import main

if __name__ == "__main__":
    sys.exit(main())
