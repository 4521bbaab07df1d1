"""python -m epochwise: the same program as the `epochwise` command."""

import sys

from epochwise.cli import main

if __name__ == "__main__":
    sys.exit(main())
