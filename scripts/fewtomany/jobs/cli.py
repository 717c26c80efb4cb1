"""What every script shares: its logging, its common options and its exit."""

import argparse
import errno
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from fewtomany.errors import UserError

if TYPE_CHECKING:
    from fewtomany import config

FULL = (errno.ENOSPC, errno.EDQUOT)
"""No space on the disk, or none left of the user's share."""


def parser(description: str) -> argparse.ArgumentParser:
    """An argument parser with the options every script has."""
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    result.add_argument("--config", required=True, help="campaign file (YAML)")
    result.add_argument("--quiet", action="store_true", help="log warnings and errors only")
    return result


def run(main: Callable[[argparse.Namespace], None], options: argparse.ArgumentParser) -> None:
    """Parse the command line, run ``main`` and exit: 0, or 2 with the user's error in lines."""
    arguments = options.parse_args()
    logging.basicConfig(
        level=logging.WARNING if arguments.quiet else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.getLogger("healpy").setLevel(logging.WARNING)  # it tells of every transform
    try:
        main(arguments)
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in FULL:
            raise
        room = "make room and run the same command again; what is finished is kept"
        _fail(f"{os.strerror(error.errno)}: {room}")


def _fail(message: str) -> NoReturn:
    for line in message.splitlines():
        sys.stderr.write(f"{os.path.basename(sys.argv[0])}: error: {line}\n")
    sys.exit(2)


def add_ranks(options: argparse.ArgumentParser) -> None:
    """Give a parser the option ``--ranks``."""
    options.add_argument(
        "--ranks", type=int, default=1, help="MPI ranks that share the work; 1 needs no MPI"
    )


def add_surrogate(options: argparse.ArgumentParser) -> None:
    """Give a parser the option ``--surrogate``."""
    options.add_argument(
        "--surrogate", action="store_true", help="of the surrogate's simulation, not the campaign's"
    )


def campaign_of(arguments: argparse.Namespace) -> "config.Campaign":
    """The campaign of a program with the option ``--surrogate``: its own, or the simplified one."""
    from fewtomany import config

    campaign = config.load(arguments.config)
    if not arguments.surrogate:
        return campaign
    if campaign.simplified is None:
        raise UserError("--surrogate: the configuration has no surrogate.simulation")
    return campaign.simplified


def check_range(arguments: argparse.Namespace, count: int, what: str) -> None:
    """Raise UserError unless ``--start`` and ``--stop`` are a range within ``count`` items."""
    if not 0 <= arguments.start < arguments.stop <= count:
        raise UserError(
            f"--start {arguments.start} --stop {arguments.stop} "
            f"is not a range of the {count} {what}"
        )


def paired(names: list[str], outputs: list[str]) -> dict[str, str]:
    """The output of each figure or statistic; UserError unless each has one."""
    if len(names) != len(outputs):
        raise UserError(f"--output: {len(outputs)} files for {', '.join(names)}")
    return dict(zip(names, outputs, strict=True))


def named_files(values: list[str]) -> dict[str, list[str]]:
    """Files by name from ``NAME=FILE`` arguments, in their order; UserError if one is not."""
    files: dict[str, list[str]] = {}
    for value in values:
        name, separator, file = value.partition("=")
        if not (name and separator and file):
            raise UserError(f"{value!r} is not of the form NAME=FILE")
        files.setdefault(name, []).append(file)
    return files
