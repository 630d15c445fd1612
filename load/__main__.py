"""`python -m load`: see `load.launch`."""

from __future__ import annotations

import sys

from load.launch import main

if __name__ == "__main__":
    sys.exit(main())
