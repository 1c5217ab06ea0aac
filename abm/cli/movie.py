"""``abm movie``: recorded runs as a video, or as one page that plays offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.cli.options import Quiet, day_of

if TYPE_CHECKING:
    from abm.view.play.movie import MovieOptions
    from abm.view.play.pack import PackOptions

PAGE_SUFFIXES = (".html", ".htm")
VIDEO_SUFFIXES = (".mp4", ".gif")

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE.h5|DIR ...",
        help="Result files or folders; several play side by side.",
        show_default=False,
    ),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="FILE", help="movie.mp4, movie.gif, or page.html.")
]
Field = Annotated[
    list[str] | None,
    typer.Option(
        "--field", metavar="NAME", help="Cytokine behind the cells; for a page, repeatable: only these."
    ),
]
Preset = Annotated[str, typer.Option(metavar="NAME", help="Size of a video: talk, paper or square.")]
Rate = Annotated[
    float, typer.Option("--fps", min=1, max=120, metavar="N", help="Frames per second of a video.")
]
Every = Annotated[int, typer.Option(min=1, metavar="K", help="Only every K-th recorded frame.")]
Begin = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help='Where a video begins, e.g. "2 d".')
]
End = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Where a video ends.")]
Layer = Annotated[
    str, typer.Option("--z", metavar="K|max|mean", help="Layer or projection of 3-D tissue in a video.")
]
Scale = Annotated[str, typer.Option(metavar="NAME", help="Colour scale of a video: linear, log, or auto.")]
Colours = Annotated[
    str,
    typer.Option(
        "--colours", metavar="NAME", help="Field colours of a video: grey, viridis, cividis, magma."
    ),
]
NoCells = Annotated[bool, typer.Option("--no-cells", help="A video of the field alone.")]
Pixels = Annotated[
    int, typer.Option(min=8, metavar="N", help="Longest side of the fields in a page, averaged over blocks.")
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--variable", metavar="NAME", help="For a page: only this variable of cells; repeatable."),
]
Limit = Annotated[float, typer.Option(min=1, metavar="MB", help="Write no page estimated to be larger.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


def movie(
    paths: Paths,
    output: Output,
    field: Field = None,
    preset: Preset = "talk",
    fps: Rate = 24.0,
    every: Every = 1,
    begin: Begin = None,
    end: End = None,
    z: Layer = "",
    scale: Scale = "auto",
    colours: Colours = "grey",
    no_cells: NoCells = False,
    pixels: Pixels = 250,
    variables: Variables = None,
    limit: Limit = 200.0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Make a video of recorded runs, or one page that plays them offline: -o says which.

    A video is cells over one field with clock, scales and pain. A page holds all views of the player in one
    file. Its size is stated before it is written. Ctrl-C leaves no half file.
    """
    from abm.errors import RequestError
    from abm.view.play.output import check_new

    suffix = output.suffix.lower()
    if suffix not in (*PAGE_SUFFIXES, *VIDEO_SUFFIXES):
        raise RequestError(f"{output}: a name ending in .mp4, .gif or .html is needed")
    check_new(output, force)
    if suffix in PAGE_SUFFIXES:
        from abm.view.play.pack import PackOptions

        options = PackOptions(pixels, every, _some(field), _some(variables))
        _page(paths, output, options, limit, force, quiet)
        return
    from abm.view.play.movie import MovieOptions

    if field and len(field) > 1:
        raise RequestError(f"a video shows one field, not {' and '.join(field)}; a page shows all")
    chosen = MovieOptions(
        field=field[0] if field else None,
        preset=preset,
        fps=fps,
        every=every,
        begin=None if begin is None else day_of(begin),
        end=None if end is None else day_of(end),
        z=z,
        scale=scale,
        colours=colours,
        cells=not no_cells,
    )
    _video(paths, output, chosen, force, quiet)


def _some(names: list[str] | None) -> tuple[str, ...] | None:
    return tuple(names) if names else None


def _page(
    paths: list[Path], output: Path, options: PackOptions, limit: float, force: bool, quiet: bool
) -> None:
    from abm.cli.bar import counting
    from abm.cli.failure import say
    from abm.errors import RecordError
    from abm.view.play.pack import PagePacker
    from abm.view.play.session import Session

    with Session(paths) as session:
        packer = PagePacker(session, options)
        budget = packer.budget()
        if budget.total > limit * 1e6:
            raise RecordError(
                f"{output}: the page would have {budget.words()}, more than --limit {limit:g}; "
                "take fewer frames (--every 2), smaller fields (--pixels 125), fewer of them (--field NAME), "
                "or raise --limit"
            )
        if not quiet:
            say(f"{output}: {budget.words()}")
        with counting("packing", quiet) as progress:
            size = packer.write(output, force=force, progress=progress)
    print(f"{output}: {size / 1e6:.3g} MB")


def _video(paths: list[Path], output: Path, options: MovieOptions, force: bool, quiet: bool) -> None:
    from abm.cli.bar import counting
    from abm.cli.failure import say
    from abm.view.play.movie import Movie
    from abm.view.play.session import Session

    with Session(paths) as session:
        film = Movie(session, options)
        if not quiet:
            say(f"{output}: {film.words(output)}")
        with counting("filming", quiet) as progress:
            film.write(output, force=force, progress=progress)
    print(output)
