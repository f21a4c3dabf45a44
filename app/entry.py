"""The program's entry: the window, or a command. Imports nothing heavy, so that help answers at once."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from app.setup.commands import COMMANDS, FROM_LAUNCHER, GUARDED, LAUNCHER_OPTIONS, check_word, program
from app.setup.console import SetupError
from core.errors import StarmarkError, UsageError
from core.paths import SAMPLE

if TYPE_CHECKING:
    from app.instance import Claim, Request

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
_EXIT_BROKEN_PIPE = 141


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line as an error like any other: one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, remedy=f"See '{self.prog} --help'")


def main(argv: Sequence[str] | None = None) -> int:
    """Run Starmark and return its exit code: 0, 2 after a one-line error, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in LAUNCHER_OPTIONS:
        return guarded(lambda: _launcher(words), debug="--debug" in words)
    if words and words[0] in COMMANDS:
        return guarded(lambda: _command(words), debug="--debug" in words)
    alone = not os.environ.pop(GUARDED, "")
    return guarded(lambda: _window(words), debug="--debug" in words, dialog=alone and words[:1] == [FROM_LAUNCHER])


def window() -> int:
    """Entry of the installed package without a console: always the window."""
    return guarded(lambda: _window(sys.argv[1:]), debug=False, dialog=sys.stderr is None or not sys.stderr.isatty())


def guarded(body: Callable[[], int], *, debug: bool, dialog: bool = False) -> int:
    """Run `body`; every error becomes one line on stderr and an exit code; with `dialog`, a window as well."""
    log = _log() if dialog else None
    try:
        code = body()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a reader that has gone can be dealt with
        return code
    except SystemExit as stop:  # argparse after --help
        return stop.code if isinstance(stop.code, int) else EXIT_OK
    except KeyboardInterrupt:
        _report("interrupted", debug=False)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does: nothing to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_BROKEN_PIPE
    except Exception as error:
        text, code = _explain(error)
        _report(text, debug)
        if log is not None:
            _show_failure(text, str(log))
        return code


def _log() -> Path:
    from app.setup.desktop import write_to_log

    return write_to_log()


def _explain(error: Exception) -> tuple[str, int]:
    """The sentence for the user, and the exit code."""
    if isinstance(error, (StarmarkError, SetupError)):
        return str(error), EXIT_ERROR
    if isinstance(error, MemoryError):
        return "there is not enough memory for this. Close other programs, or use a smaller --batch-size", EXIT_ERROR
    if isinstance(error, ImportError):
        return f"a part of the program cannot be loaded ({error}). {_remedy_for_parts()}", EXIT_UNEXPECTED
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}", EXIT_ERROR
    what = f"unexpected error ({type(error).__name__}: {error})"
    return f"{what}. Add --debug and report what it prints", EXIT_UNEXPECTED


def _remedy_for_parts() -> str:
    from app.setup.environment import Environment
    from app.setup.places import ROOT

    environment = Environment(ROOT)
    if environment.is_current() and environment.is_ours():
        return f"Delete the folder {environment.path}, then start again: it is made anew"
    return f"Install it again with the Python that runs this, {sys.executable}; add --debug for more"


def _show_failure(text: str, log: str) -> None:
    """A window, for starts that nobody sees a terminal of."""
    from app.setup.desktop import TITLE, sentence
    from app.setup.viewers import show_failure

    if show_failure(TITLE, sentence(text), log):
        return
    with contextlib.suppress(Exception):  # Qt itself may be what is broken
        from app.about import show_text

        show_text(TITLE, f"{sentence(text)}\n\nEverything that was printed is in {log}")


def _report(text: str, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"starmark: {' '.join(text.split())}", file=sys.stderr)


def _command(argv: list[str]) -> int:
    command = COMMANDS[argv[0]]
    parser = Parser(prog=program(), allow_abbrev=False)
    subparsers = parser.add_subparsers(dest="command", parser_class=Parser)
    module = importlib.import_module(command.module)
    module.add_parser(subparsers)
    if command.name == "test":  # the words after it are pytest's, whatever they are
        rest = argv[1:]
        args = (
            parser.parse_args(["test", "--help"]) if rest[:1] in (["-h"], ["--help"]) else argparse.Namespace(rest=rest)
        )
    else:
        args = parser.parse_args(argv)
    return int(module.run(args))


def _launcher(argv: list[str]) -> int:
    if argv[1:] not in ([], ["--debug"]):
        raise UsageError(f"{argv[0]} stands alone", remedy=f"See '{program()} --help'")
    from app.setup.launcher import run

    return run(argv[0])


def _window_parser() -> Parser:
    commands = "\n".join(f"  {row.name:<10} {row.summary}" for row in COMMANDS.values())
    parser = Parser(
        prog=program(),
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Facial-landmark datasets with STAR models. Without a command, opens the window.",
        epilog=f"commands (each has its own --help):\n{commands}\n\n"
        f"examples:\n  {program()} photos/\n  {program()} predict photos/ -o landmarks.json",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="images, folders, data sets or a project to open")
    parser.add_argument("-p", "--project", help="project to open, or to make")
    parser.add_argument("--sample", action="store_true", help="open a sample of faces and labels to try things on")
    parser.add_argument("--new-window", action="store_true", help="open another window even if one is open")
    for option, text in LAUNCHER_OPTIONS.items():
        parser.add_argument(option, action="store_true", help=text)
    parser.add_argument(FROM_LAUNCHER, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-V", "--version", action="store_true", help="print the version and exit")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser


def _window(argv: list[str]) -> int:
    args = _window_parser().parse_args(argv)
    if args.version:
        from core.version import VERSION

        print(f"Starmark {VERSION}")
        return EXIT_OK
    if any(getattr(args, option.lstrip("-").replace("-", "_")) for option in LAUNCHER_OPTIONS):
        raise UsageError(f"{' and '.join(LAUNCHER_OPTIONS)} stand alone", remedy=f"See '{program()} --help'")
    if args.sample and (args.paths or args.project):
        raise UsageError("--sample opens a project of its own", remedy="Leave out the other, or --sample")
    for path in args.paths:
        check_word(path)
    from app.instance import Claim, Request, claim

    request = Request.here(args.paths, SAMPLE if args.sample else args.project)
    claimed = Claim(None) if args.new_window else claim(request)
    if claimed is None:
        print("Starmark is open already: its window has been asked to come to the front.", file=sys.stderr)
        return EXIT_OK
    try:
        return _show_window(request, claimed)
    finally:
        claimed.release()


def _show_window(request: Request, claimed: Claim) -> int:
    from app.setup.system import check_display, ensure_libraries

    check_display()
    ensure_libraries(window=True)
    from app.window_main import run_window

    return int(run_window(request, claimed.address))


if __name__ == "__main__":
    sys.exit(main())
