"""Starts Starmark: sets it up where needed, then opens the window or runs a command.

This file and nothing else must be readable by any old Python, so that such a Python can say that it is too old:
no f-strings, annotations or newer syntax here.
"""

import os
import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "starmark: Starmark needs Python 3.11 or newer, and this is Python %d.%d (%s). "
        "Install a newer one from https://www.python.org/downloads or your system's packages, "
        "then run it, for example: python3.12 main.py\n" % (sys.version_info[0], sys.version_info[1], sys.executable)
    )
    sys.exit(2)

if __name__ == "__main__":
    from app.setup.start import start

    sys.exit(start(sys.argv[1:], os.path.dirname(os.path.abspath(__file__))))
