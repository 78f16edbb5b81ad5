"""The command line: `python -m similar_images ask photo.jpg`, and `serve`, the page.

What a command needs is imported when it is called, so that the answer comes soon.
"""

import argparse
import io
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from . import __version__
from .core.errors import UserError, reason
from .core.job import HIDDEN, hidden
from .core.names import normal_form
from .core.wording import printable

# What the page needs besides a run.
SERVER = ("fastapi", "python_multipart", "uvicorn")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main = argparse.ArgumentParser(
        prog="python -m similar_images",
        description="Similar Image Finder: ask about single photos. Catalogues are made, and whole "
        "query sets answered, by snakemake.",
    )
    version = f"Similar Image Finder {__version__}"
    main.add_argument("--version", action="version", version=version)
    commands = main.add_subparsers(title="commands", dest="command")
    _add_ask(commands.add_parser("ask", help="print the class of photos and what is similar"))
    _add_serve(commands.add_parser("serve", help="a page for this, and an HTTP interface"))
    return main


def _add_ask(command: argparse.ArgumentParser) -> None:
    command.description = "Print the class of each photo, and the catalogue's most similar images."
    command.set_defaults(run=_ask)
    command.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, or - for stdin")
    _add_results(command)
    command.add_argument(
        "--neighbours",
        type=_neighbours,
        default=3,
        metavar="N",
        help="similar images of each photo, 1 to 1,000 (3)",
    )
    command.add_argument(
        "--class",
        dest="label",
        type=normal_form,
        metavar="NAME",
        help="only similar images of this class",
    )
    command.add_argument("--json", action="store_true", help="a line of JSON for each photo")


def _neighbours(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 1_000:  # see `catalogue.MOST_NEIGHBOURS`
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is not from 1 to 1,000")


def _add_serve(command: argparse.ArgumentParser) -> None:
    command.description = "Serve the page, until Ctrl-C."
    command.set_defaults(run=_serve)
    _add_results(command)
    command.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    command.add_argument("--port", type=int, default=8000, help="0 for any free one (8000)")
    command.add_argument(
        "--inbox", metavar="NAME", help="the query set, a folder, in which asked photos can be kept"
    )


def _add_results(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--results", type=Path, default=Path("results"), help="the folder of a run (results)"
    )


def _ask(arguments: argparse.Namespace) -> int:
    from .answers import console
    from .answers.catalogue import Catalogue

    # As other programs whose reader goes away, such as `head`: end without a word.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # A character that the terminal does not know is shown as its number.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stdout is None:  # a shell can close it
        raise UserError("standard output is closed, so that no answer can be printed.")
    catalogue = Catalogue.open(arguments.results)
    photos = [_standard_input() if photo == "-" else photo for photo in arguments.photos]
    answers = console.ask(catalogue, photos, arguments.neighbours, arguments.label)
    try:
        return 0 if console.show(answers, as_json=arguments.json) else 1
    except OSError as error:
        # Python would try again at its end, and say so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UserError(f"the answers cannot be printed: {reason(error)}.") from error


def _serve(arguments: argparse.Namespace) -> int:
    missing = [package for package in SERVER if find_spec(package) is None]
    if missing:
        raise UserError(
            f"the page needs {', '.join(missing)}. Run make serve in a checkout, or "
            "pip install -r requirements/serve.txt."
        )
    from .server.run import serve

    serve(arguments.results, arguments.host, arguments.port, arguments.inbox)
    return 0


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # a shell can close it
        raise UserError("-: standard input is closed. Name a file.")
    return sys.stdin.buffer


def main() -> int:
    """Run the command line, and return the exit code."""
    arguments = parser().parse_args()
    if arguments.command is None:
        parser().print_help()
        return 0
    try:
        with hidden(HIDDEN):
            code: int = arguments.run(arguments)
    except UserError as error:
        print(f"Error: {printable(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # as the shell has it for Ctrl-C
    return code


if __name__ == "__main__":
    sys.exit(main())
