"""A small window that shows the set-up's progress or why the program did not start. Runs as a process of its own.

Reads one JSON object a line from stdin: {"line"}, {"status", "fraction"}, {"fail", "title", "log"} or {"done"}. Writes
"shown" once it can be seen, and ends when the user closes it. Standard library only, and nothing of ours, so that it
runs wherever tkinter does.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import tkinter as tk
from pathlib import Path
from tkinter import messagebox, ttk

_POLL_MS = 100
_GROUND = "#f4f5f7"
_ICON = Path(__file__).resolve().parents[2] / "resources" / "icons" / "starmark-48.png"


class Window:
    """The window: first progress, and a failure in its place if there is one."""

    def __init__(self) -> None:
        self.root = tk.Tk(className="starmark")
        self.root.withdraw()
        self.root.title("Starmark")
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        style = ttk.Style(self.root)
        if self.root.tk.call("tk", "windowingsystem") == "x11":
            style.theme_use("clam")  # the default there looks like 1990
            style.configure(".", background=_GROUND)
            style.configure("TProgressbar", background="#2f6fd6", troughcolor="#e3e6ea")
            self.root.configure(background=_GROUND)
        self.failed = False
        self.messages: queue.Queue[dict[str, object] | None] = queue.Queue()
        self.body = ttk.Frame(self.root, padding=18)
        self.body.pack(fill="both", expand=True)
        self._compose()
        self.root.minsize(520, 300)
        threading.Thread(target=self._read, daemon=True).start()
        self._take()

    def _compose(self) -> None:
        head = ttk.Frame(self.body)
        head.pack(fill="x")
        try:
            self.picture: tk.PhotoImage | None = tk.PhotoImage(file=str(_ICON))
            self.root.iconphoto(True, self.picture)
            ttk.Label(head, image=self.picture).pack(side="left", padx=(0, 14))
        except tk.TclError:  # no icon is no reason to be silent
            self.picture = None
        words = ttk.Frame(head)
        words.pack(side="left", fill="x", expand=True)
        self.title = ttk.Label(words, text="Setting up Starmark", font=("TkDefaultFont", 14, "bold"))
        self.title.pack(anchor="w")
        self.hint = ttk.Label(words, text="This happens once and takes some minutes. Starmark opens by itself then.")
        self.hint.pack(anchor="w", pady=(2, 0))
        self.bar = ttk.Progressbar(self.body, mode="indeterminate", maximum=1.0)
        self.bar.pack(fill="x", pady=(16, 6))
        self.bar.start(20)
        self.moving = True
        self.now = ttk.Label(self.body, text="Starting…")
        self.now.pack(anchor="w", pady=(0, 10))
        buttons = ttk.Frame(self.body)
        buttons.pack(side="bottom", fill="x", pady=(12, 0))
        self.button = ttk.Button(buttons, text="Stop", command=self.close)
        self.button.pack(side="right")
        self.copy = ttk.Button(buttons, text="Copy", command=self._copy)
        self.text = tk.Text(self.body, width=78, height=9, wrap="word", relief="solid", borderwidth=1, padx=8, pady=6)
        self.text.configure(font="TkTextFont", background="white", foreground="#1d2025", highlightthickness=0)
        self.text.bind("<Key>", self._key)
        self.text.pack(fill="both", expand=True)

    def _key(self, event: tk.Event[tk.Text]) -> str | None:
        """Reading, selecting and copying, but no typing."""
        control = bool(int(event.state) & 0x4) or sys.platform == "darwin"
        if control and event.keysym.lower() == "a":
            self.text.tag_add("sel", "1.0", "end-1c")
            return "break"
        allowed = event.keysym in ("Up", "Down", "Left", "Right", "Prior", "Next", "Home", "End", "Tab")
        return None if allowed or (control and event.keysym.lower() == "c") else "break"

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            try:
                self.messages.put(json.loads(line))
            except ValueError:
                continue
        self.messages.put(None)

    def _take(self) -> None:
        try:
            while True:
                self._show(self.messages.get_nowait())
        except queue.Empty:
            self.root.after(_POLL_MS, self._take)

    def _show(self, message: dict[str, object] | None) -> None:
        if message is None:
            if not self.failed:
                self.fail(
                    "Starmark was not set up", "The set-up ended unexpectedly. Start Starmark again to go on.", ""
                )
        elif "fail" in message:
            self.fail(str(message.get("title", "")), str(message["fail"]), str(message.get("log", "")))
        elif "done" in message:
            self.root.destroy()
            sys.exit(0)
        elif "line" in message:
            self.text.insert("end", f"{message['line']}\n")
            self.text.see("end")
        elif "status" in message:
            self._show_status(str(message["status"]), message.get("fraction"))
        if self.root.state() == "withdrawn":
            self._appear()

    def _appear(self) -> None:
        """In the middle of the screen, once the first message says what to show."""
        self.root.update_idletasks()
        width, height = self.root.winfo_reqwidth(), self.root.winfo_reqheight()
        x = max(0, (self.root.winfo_screenwidth() - width) // 2)
        y = max(0, (self.root.winfo_screenheight() - height) // 3)
        self.root.geometry(f"+{x}+{y}")
        self.root.deiconify()
        self.root.update()
        print("shown", flush=True)

    def _show_status(self, text: str, fraction: object) -> None:
        self.now.configure(text=text)
        if isinstance(fraction, (int, float)):
            if self.moving:
                self.bar.stop()
            self.bar.configure(mode="determinate", value=float(fraction))
        elif not self.moving:
            self.bar.configure(mode="indeterminate")
            self.bar.start(20)
        self.moving = not isinstance(fraction, (int, float))

    def fail(self, title: str, text: str, log: str) -> None:
        """Say why, until the user closes the window."""
        self.failed = True
        self.bar.stop()
        self.bar.pack_forget()
        self.now.pack_forget()
        self.title.configure(text=title)
        self.hint.configure(text="The details below can be copied into a report.")
        steps = self.text.get("1.0", "end").strip()
        self.text.delete("1.0", "end")
        self.text.insert("end", f"{text}\n")
        if log:
            self.text.insert("end", f"\nEverything that was printed is in {log}\n")
        if steps:
            self.text.insert("end", f"\nWhat was done before:\n{steps}\n")
        self.text.see("1.0")
        self.text.pack_configure(pady=(14, 0))
        self.button.configure(text="Close")
        self.copy.pack(side="left")
        self.button.focus_set()
        self.root.bind("<Return>", lambda _event: self.close())
        self.root.bind("<Escape>", lambda _event: self.close())

    def _copy(self) -> None:
        self.root.clipboard_clear()
        self.root.clipboard_append(f"{self.title.cget('text')}\n{self.text.get('1.0', 'end').strip()}\n")
        self.copy.configure(text="Copied")

    def close(self) -> None:
        """Ask first while the set-up runs."""
        kept = "What was downloaded is kept; the next start goes on from there."
        if self.failed or messagebox.askyesno("Starmark", "Stop the set-up?", detail=kept, default="no"):
            self.root.destroy()


if __name__ == "__main__":
    Window().root.mainloop()
