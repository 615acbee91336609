"""``rtgs2-train generate``: make a data set of furnished rooms."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtgs2_trt.console import Console, add_console_options, check_folder, image_size


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "generate",
        help="make a data set of furnished rooms",
        description="Make a data set of furnished rooms: Gaussians, cameras, exact labels. Rooms that are there "
        "already are kept, so an interrupted run goes on where it stopped.",
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--scenes", type=int, required=True, metavar="N", help="how many rooms altogether")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another seed gives other rooms (default 0)")
    parser.add_argument("--validation", type=int, default=0, metavar="N", help="of these, for validation")
    parser.add_argument("--test", type=int, default=0, metavar="N", help="of these, for the test")
    parser.add_argument("--views", type=int, default=20, metavar="N", help="labelled views a room (default 20)")
    parser.add_argument("--gaussians", type=int, default=200_000, metavar="N", help="a room (default 200000)")
    parser.add_argument("--image-size", type=image_size, default=(320, 240), metavar="WxH", help="default 320x240")
    parser.add_argument(
        "--imperfections",
        type=float,
        default=1.0,
        metavar="X",
        help="flaws of captures, 0 none, 1 usual (default), to 3",
    )
    parser.add_argument(
        "--photographed",
        type=float,
        default=0.0,
        metavar="X",
        help="share of rooms with Gaussians only where photographs look, as in captures, 0 (default) to 1",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="rooms at a time (default: one a core)")
    parser.add_argument("--sheets", metavar="DIR", help="also draw a contact sheet of every room into this folder")
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..synthrooms import RoomSettings, write_dataset
    from ..synthrooms.contact_sheet import write_contact_sheet

    output = Path(arguments.output)
    check_folder(output, "--output")
    if arguments.sheets:
        check_folder(Path(arguments.sheets), "--sheets")
    settings = RoomSettings(
        gaussians=arguments.gaussians,
        views=arguments.views,
        image_size=arguments.image_size,
        imperfections=arguments.imperfections,
        photographed=arguments.photographed,
    )
    with console.counted(arguments.scenes, "rooms") as advance:
        write_dataset(
            output,
            scenes=arguments.scenes,
            seed=arguments.seed,
            validation=arguments.validation,
            test=arguments.test,
            settings=settings,
            workers=arguments.workers,
            done=lambda name: advance(),
        )
    if arguments.sheets:
        Path(arguments.sheets).mkdir(parents=True, exist_ok=True)
        names = sorted(path.parent.name for path in output.glob("room-*/scene.json"))[: arguments.scenes]
        for name in console.track(names, "contact sheets"):
            write_contact_sheet(output / name, Path(arguments.sheets) / f"{name}.png")
    result = {"dataset": str(output), "scenes": arguments.scenes, "seconds": round(console.seconds["rooms"], 1)}
    console.result(result, f"{arguments.scenes} rooms in {output}")
