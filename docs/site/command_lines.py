"""The command lines as their own parsers tell them: for the page of commands, and to check commands in the pages."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from unittest import mock

import rtgs2_export.cli
import rtgs2_training.cli
import rtgs2_trt.cli

PROGRAMS: dict[str, Callable[..., int]] = {
    "rtgs2": rtgs2_trt.cli.main,
    "rtgs2-export": rtgs2_export.cli.main,
    "rtgs2-train": rtgs2_training.cli.main,
}
_WIDTH = 88  # characters that a page of the site shows without scrolling


class _ParserReadyError(Exception):
    pass


def parser_of(program: str) -> argparse.ArgumentParser:
    """Return the parser that a program makes; the program is stopped before it parses."""
    made: list[argparse.ArgumentParser] = []

    def stop(parser: argparse.ArgumentParser, *_: object, **__: object) -> argparse.Namespace:
        made.append(parser)
        raise _ParserReadyError

    with mock.patch.object(argparse.ArgumentParser, "parse_args", stop):
        try:
            PROGRAMS[program]([])
        except _ParserReadyError:
            return made[0]
    raise AssertionError(f"{program} parsed nothing")


def with_subcommands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of its subcommands, in the order of its help."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subcommand in dict.fromkeys(action.choices.values()):
                yield from with_subcommands(subcommand)


def page() -> str:
    """Return the page of all commands, Markdown: what ``--help`` says of each."""
    parts = ["# Commands\n\nWhat `--help` says, of this version.\n"]
    for program in PROGRAMS:
        for level, parser in enumerate(with_subcommands(parser_of(program))):
            heading = "##" if level == 0 else "###"
            parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=_WIDTH)
            parts.append(f"\n{heading} {parser.prog}\n\n```text\n{parser.format_help().strip()}\n```\n")
    return "".join(parts)
