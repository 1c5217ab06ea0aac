"""Where a result comes from: one JSON document per run, complete enough to repeat it.

The document names the software, the state of the source tree, the machine and the run, and carries
fingerprints of the resolved scenario and of the library, so that two results can be compared without
trusting file names.  Nobody is named in it: neither the user nor the home folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from abm import __version__

SCHEMA_VERSION = 1

# Those whose release can change a number or the file; the complete list is the lock file of the commit.
_DISTRIBUTIONS = ("numpy", "numba", "llvmlite", "h5py", "pydantic", "ruamel.yaml")
# Settings of numba that change the machine code and with it, possibly, the last bit of a result.
_NUMBA_SETTINGS = (
    "NUMBA_BOUNDSCHECK",
    "NUMBA_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_DISABLE_JIT",
    "NUMBA_OPT",
    "NUMBA_THREADING_LAYER",
)
_PACKAGE = Path(__file__).resolve().parent


def collect(scenario_text: str, seed: int, threads: int, command: Sequence[str]) -> dict[str, object]:
    """Describe a run that is about to start.

    Parameters
    ----------
    scenario_text : str
        The resolved scenario, exactly as it is written to the result file.
    seed : int
        Seed of the run.
    threads : int
        Threads that the kernels really use.
    command : sequence of str
        The command line, program name first; empty when called from Python.

    Returns
    -------
    dict
        Only strings, numbers, booleans, None, lists and dicts: :func:`to_json` writes it.
    """
    return {
        "schema": "abm-provenance",
        "schema_version": SCHEMA_VERSION,
        "software": software_versions(),
        "source": source_state(_PACKAGE.parent),
        "machine": machine(),
        "run": {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": [_without_home(part) for part in command],
            "seed": int(seed),
            "threads": int(threads),
            "numba_settings": {name: os.environ[name] for name in _NUMBA_SETTINGS if name in os.environ},
        },
        "scenario_sha256": text_fingerprint(scenario_text),
        "library_sha256": folder_fingerprint(_PACKAGE / "library" / "data"),
    }


def to_json(document: Mapping[str, object]) -> str:
    """Write a provenance document as JSON text with sorted keys.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, which JSON cannot hold.
    TypeError
        If a value is of a type that JSON does not know.
    """
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)


def software_versions() -> dict[str, str | None]:
    """Return the versions of abm, Python and the libraries that shape results; None where not installed."""
    versions: dict[str, str | None] = {"abm": __version__, "python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def source_state(folder: Path) -> dict[str, object] | None:
    """Return the commit of a checkout and whether tracked files differ from it.

    Parameters
    ----------
    folder : Path
        The folder that holds the package.  An installed package has no ``.git`` beside it; the repository of
        somebody else in which a virtual environment happens to live is not mistaken for ours.

    Returns
    -------
    dict or None
        ``{"commit": str, "dirty": bool}``; None outside a checkout, without git, or when git refuses.
    """
    if not (folder / ".git").exists():
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if not commit or changes is None:
        return None
    return {"commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    # GIT_DIR and its kin, set inside a hook, would answer for another repository; a read must not take locks.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            check=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def machine() -> dict[str, object]:
    """Return what of the machine can matter for speed and for the last bit: platform, CPU model, host."""
    return {
        "platform": platform.platform(),
        "architecture": platform.machine(),
        "cpu": cpu_model(),
        "logical_cpus": os.cpu_count(),
        "hostname": platform.node(),
        "byte_order": sys.byteorder,
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name, or the architecture where the system does not tell."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


def text_fingerprint(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def folder_fingerprint(folder: Path) -> str | None:
    """Return the SHA-256 over names and contents of all YAML files below a folder.

    Each file enters as its relative path, its length and its bytes, in the order of the paths, so that moving
    text from one file to another changes the fingerprint.  None when the folder holds no YAML file.
    """
    paths = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.suffix in {".yaml", ".yml"} and path.is_file()
    )
    if not paths:
        return None
    digest = hashlib.sha256()
    for name, path in paths:
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _without_home(argument: str) -> str:
    """Shorten a path below the home folder: result files travel, account names need not."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    if home in {"", "/", "~"}:
        return argument
    return argument.replace(f"{home}{os.sep}", f"~{os.sep}")
