"""``abm play``: a player for recorded runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from abm.view.play.server import PlayServer

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE.h5|DIR ...",
        help="Result files or folders of them; several play in step.",
        show_default=False,
    ),
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, metavar="N", help="Port of the player; any free one when omitted.")
]
NoBrowser = Annotated[
    bool, typer.Option("--no-browser", help="Open no browser; print how to reach the player through ssh.")
]
Matplotlib = Annotated[
    bool, typer.Option("--mpl", help="A window of matplotlib instead of the browser; one file.")
]
Field = Annotated[str, typer.Option(metavar="NAME", help="With --mpl: cytokine behind the cells.")]


def play(
    paths: Paths,
    port: Port = 0,
    no_browser: NoBrowser = False,
    mpl: Matplotlib = False,
    field: Field = "",
) -> None:
    """Play recorded runs in the browser: cells over fields, pain, events; also while they are being written.

    The player reads the files as they are and changes nothing. Its server is open to this machine only and to
    who knows the address it prints. Ctrl-C ends it.
    """
    if mpl:
        from abm.view.play.mpl import show

        show(paths, field or None)
        return
    from abm.view.play.server import PlayServer
    from abm.view.play.session import Session

    with Session(paths) as session, PlayServer(session, port) as server:
        _tell(server, no_browser)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print()


def _tell(server: PlayServer, no_browser: bool) -> None:
    """Say where the player is, and open it."""
    import getpass
    import socket

    from abm.cli.failure import say
    from abm.errors import RecordError
    from abm.view.play.assets import INDEX, read_asset

    try:
        read_asset(INDEX)
    except RecordError as error:
        say(f"note: {error}")
    print(server.url, flush=True)
    if no_browser:
        place = f"{getpass.getuser()}@{socket.gethostname()}"
        say(
            f"From another machine: ssh -N -L {server.port}:127.0.0.1:{server.port} {place}\n"
            "then open the address above there. Ctrl-C ends the player."
        )
        return
    import webbrowser

    opened = webbrowser.open(server.url)
    say("Ctrl-C ends the player." if opened else "No browser was found; open the address above. Ctrl-C ends.")
