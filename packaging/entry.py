"""Entry of the frozen build: the same words as `main.py`."""

import multiprocessing
import sys

from app.setup.start import start

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a child that a library starts is this program again
    sys.exit(start(sys.argv[1:], getattr(sys, "_MEIPASS", "")))
