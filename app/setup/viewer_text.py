"""What `viewer_tk` does, in a terminal window: usage `viewer_text.py SOCKET`. Standard library only."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import textwrap

_HEAD = """
  Setting up Starmark
  ===================

  Closing this window stops it; the next start goes on.
"""


def main(address: str) -> None:
    """Show messages until there are no more, or until the user has read a failure."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(address)
        with channel.makefile("rb") as lines:
            for number, line in enumerate(lines):
                message = json.loads(line)
                if "done" in message:
                    return
                if "fail" in message:
                    fail(message["title"], message["fail"], message["log"])
                    return
                if number == 0:
                    print(_HEAD)
                show(message)
    fail("Starmark was not set up", "The set-up ended unexpectedly. Start Starmark again to go on.", "")


def show(message: dict[str, object]) -> None:
    """One step on a line of its own, or the status on the last line."""
    if "line" in message:
        sys.stdout.write(f"\r\x1b[K  {message['line']}\n")
    else:
        width = shutil.get_terminal_size().columns - 4
        sys.stdout.write(f"\r\x1b[K  {str(message['status'])[:width]}")
    sys.stdout.flush()


def fail(title: str, text: str, log: str) -> None:
    """Say why, until the user presses a key."""
    width = max(20, shutil.get_terminal_size().columns - 4)
    print(f"\r\x1b[K\n  {title}\n  {'=' * len(title)}\n")
    for part in (*text.splitlines(), "", f"Everything that was printed is in {log}" if log else ""):
        print(textwrap.indent(textwrap.fill(part, width, break_long_words=False, break_on_hyphens=False), "  "))
    try:
        input("\n  Press Enter to close this window. ")
    except EOFError:
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
