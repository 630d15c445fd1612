"""`python -m load`: see `load.launch`. Signals are heeded before the imports, which take a while."""

from __future__ import annotations

import sys

from load.interrupts import EARLY, INTERRUPTED, InterruptedEarly, Interrupts

if __name__ == "__main__":
    interrupts = Interrupts()
    try:
        try:
            from load.launch import main
        except Exception:
            # An extension module that imports another makes an ImportError of the signal.
            if not interrupts.told:
                raise
            raise InterruptedEarly from None
        status = main(interrupts=interrupts)
    except InterruptedEarly:
        sys.stderr.write(f"load: {EARLY}\n")
        status = INTERRUPTED
    sys.exit(status)
