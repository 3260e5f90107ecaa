"""``python -m helion_compiler``: the command ``helion``, where scripts are not on the path."""

import sys

from helion_compiler.cli import main

if __name__ == "__main__":
    sys.exit(main())
