"""``abm library``: the default biology, value by value, with its sources."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    help="Show the library of cell types, cytokines, injuries and their sources.",
    short_help="Show the library and its sources",
    rich_markup_mode=None,
    no_args_is_help=True,
)

ModuleName = Annotated[
    str, typer.Argument(metavar="NAME", help="A module, e.g. cells/msc.", show_default=False)
]


@app.command("list")
def list_modules() -> None:
    """List the modules that a scenario can extend."""
    from abm.analysis.tables import Table
    from abm.library import catalogue

    modules = [catalogue.module(name) for name in catalogue.module_names()]
    rows = [(m.name, str(sum(bool(v.kind) for v in catalogue.values(m.name))), m.title) for m in modules]
    print(Table(("module", "values", "title"), rows, "<><").as_text())
    print("\nabm library show NAME lists the values of one, abm library cite NAME their sources.")


@app.command()
def show(
    name: ModuleName,
    text: Annotated[bool, typer.Option("--yaml", help="The module as it is written, to copy from.")] = False,
) -> None:
    """List the values of a module: range, how each came about, source."""
    from abm.analysis.tables import Table
    from abm.library import catalogue

    name = _full(name)
    if text:
        print(catalogue.module_text(name), end="")
        return
    found = catalogue.module(name)
    print(f"{found.name}: {found.title}" if found.title else found.name)
    if found.summary:
        print(found.summary)
    rows = [
        (v.dotted, v.value, f"{v.low} to {v.high}" if v.low else "", v.kind, ", ".join(v.source), v.note)
        for v in catalogue.values(name)
    ]
    print()
    print(Table(("value of", "value", "range", "kind", "source", "note"), rows, "<<<<<<").as_text())


@app.command()
def cite(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A module or a key; everything when left out.")
    ] = None,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="As BibTeX entries.")] = False,
) -> None:
    """Print the sources of the library, of one module, or of one key."""
    from abm.library import catalogue

    known = catalogue.sources()
    if name is None:
        keys = sorted(known)
    elif name in known:
        keys = [name]
    else:
        keys = sorted({key for value in catalogue.values(_full(name)) for key in value.source})
    for key in keys:
        if key in known:
            print(known[key].as_bibtex() if bibtex else known[key])
        else:
            print(key)


def _full(name: str) -> str:
    """``library/cells/msc``, ``cells/msc`` and ``msc`` are the same module."""
    from difflib import get_close_matches

    from abm.errors import LibraryError
    from abm.library import catalogue

    short = {module.removeprefix(catalogue.PREFIX): module for module in catalogue.module_names()}
    wanted = name.removeprefix(catalogue.PREFIX)
    ends = [module for module in short if module.rpartition("/")[2] == wanted]
    if wanted in short or len(ends) == 1:
        return short[wanted if wanted in short else ends[0]]
    near = get_close_matches(wanted, short, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise LibraryError(f"the library has no module '{name}'{hint} (modules: {', '.join(short)})")
