"""The built page that comes with the package."""

from __future__ import annotations

from importlib.resources import files

from abm.errors import RecordError

INDEX, SCRIPT, STYLE = "index.html", "page.js", "page.css"
MEDIA = {
    INDEX: "text/html; charset=utf-8",
    SCRIPT: "text/javascript; charset=utf-8",
    STYLE: "text/css; charset=utf-8",
}


def read_asset(name: str) -> str:
    """Text of one file of the built page.

    Raises
    ------
    RecordError
        It is not there: a source tree in which the page was not built.
    """
    file = files("abm.view").joinpath("page", "dist", name)
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise RecordError(
            f"the page of the player is not built ({name} is missing); build it in abm/view/page"
        ) from error
