"""One run in this process, from job to result; nothing it meets gets out as an exception."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable

from abm.errors import AbmError, Interrupted
from abm.study.job import Job, RunResult, Start, Status, result_of

REPORT_SECONDS = 0.1

Report = Callable[[float], None]
"""Called with the simulated time reached [d], at most ten times a second, and at the first and last step."""


def perform(
    job: Job, threads: int, report: Report | None = None, stopped: Callable[[], bool] | None = None
) -> RunResult:
    """Simulate one job to its end, or to where it fails or is stopped.

    Parameters
    ----------
    threads : int
        For the kernels.
    report : callable, optional
        See :data:`Report`.
    stopped : callable, optional
        Asked once the model is ready, before anything is written: whether to give up.  During the steps the
        engine listens to Ctrl-C itself.
    """
    begin = time.perf_counter()
    try:
        _simulate(job, threads, report, stopped or (lambda: False))
    except Interrupted as error:
        status, message = Status.INTERRUPTED, str(error)
    except AbmError as error:
        status, message = Status.FAILED, str(error)
    except KeyboardInterrupt:
        status, message = Status.NOT_STARTED, f"{job.path}: stopped before the first step"
    except MemoryError:
        status, message = Status.FAILED, f"{job.path}: out of memory; run fewer processes or a smaller domain"
    except Exception:  # noqa: BLE001 - a defect in one run must not take the other runs with it
        status, message = Status.FAILED, f"{job.path}: internal error\n{traceback.format_exc()}"
    else:
        status, message = Status.COMPLETE, ""
    return result_of(job, status, time.perf_counter() - begin, message)


def _simulate(job: Job, threads: int, report: Report | None, stopped: Callable[[], bool]) -> None:
    # Late, because the engine takes seconds to import and the parent of a pool does not need it.
    from abm.compile.build import compile_model
    from abm.engine import checkpoint
    from abm.engine.run import declaration, replicate_seed, run
    from abm.engine.threads import use_threads
    from abm.provenance import collect, to_json
    from abm.record.writer import RunWriter

    in_use = use_threads(threads)
    model = compile_model(job.scenario, replicate_seed(job.seed, job.replicate))
    if stopped():
        raise KeyboardInterrupt
    progress = None if report is None else _throttled(report, model.clock.tick / 1440.0)
    if job.start is Start.CONTINUE:
        writer, saved = RunWriter.resume(job.path)
        run(model, writer, checkpoint.restore(model, saved.arrays), progress)
        return
    provenance = to_json(collect(job.text, job.seed, in_use, job.command))
    declared = declaration(
        model, arm=job.arm, replicate=job.replicate, seed=job.seed, text=job.text, provenance=provenance
    )
    run(model, RunWriter.create(job.path, declared, job.start is Start.REPLACE), None, progress)


def _throttled(report: Report, days_per_tick: float) -> Callable[[int, int], None]:
    last = -REPORT_SECONDS

    def progress(tick: int, end: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_SECONDS or tick >= end:
            last = now
            report(tick * days_per_tick)

    return progress
