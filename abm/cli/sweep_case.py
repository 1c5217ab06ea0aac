"""``abm sweep case``: one run of a sweep, found by its name and made again alone."""

from __future__ import annotations

from pathlib import Path


def tell_case(folder: Path, name: str, output: Path | None, force: bool) -> None:
    """Print which case a run is; write its scenario or repeat it into a result file.

    Raises
    ------
    abm.errors.RecordError
        There is no such run, or the file is in the way.
    """
    from abm.cli.text_files import write_text
    from abm.record.sweep_layout import STATUS_NAMES
    from abm.sweep.cases import resolver_of, scenario_of, scenario_text
    from abm.sweep.manifest import Manifest
    from abm.sweep.run import find

    manifest = Manifest.load(folder)
    run = manifest.run_named(name)
    found = find(manifest)
    _, arm, replicate = manifest.where(run)
    print(f"run         {manifest.names[run]}")
    print(f"case        {manifest.text_of(run)}")
    print(f"seed        {manifest.seed_of(run)}")
    print(f"status      {STATUS_NAMES[found.status[run]]}")
    if message := found.message(run):
        print(message)
    if output is None:
        return
    resolver = resolver_of(manifest)
    text = scenario_text(manifest, resolver, run)
    if output.suffix != ".h5":
        write_text(output, text, "the scenario", force)
        print(f"{output}: abm run makes replicates 0 to {manifest.replicates - 1} of it")
        return
    from abm.study.job import Job
    from abm.study.plan import settle
    from abm.study.runner import execute

    job = Job(arm, replicate, manifest.seed_of(run), output, text, scenario_of(manifest, resolver, run))
    (result,) = execute(settle([job], output.parent, force, False))
    print(f"{output}: {result.status}{f': {result.message}' if result.message else ''}")
