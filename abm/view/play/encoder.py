"""Frames to a video file, through ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError

MP4_CODEC = (
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "20",
    "-pix_fmt",
    "yuv420p",
    "-movflags",
    "+faststart",
)
# One palette for each frame: one for all would keep the whole film in memory.
GIF_FILTER = (
    "-filter_complex",
    "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1",
    "-loop",
    "0",
)


class VideoWriter:
    """Takes frames of one size one after another.

    Parameters
    ----------
    pipe : writable file
        The input of ffmpeg.
    shape : (height, width)
    """

    def __init__(self, pipe: IO[bytes], shape: tuple[int, int]) -> None:
        self._pipe = pipe
        self._shape = shape

    def append(self, frame: NDArray[np.uint8]) -> None:
        """Add a frame, (height, width, 3) uint8."""
        if frame.shape != (*self._shape, 3):
            raise ValueError(f"a frame of shape {frame.shape} in a video of {self._shape}")
        self._pipe.write(np.ascontiguousarray(frame).data)


@contextmanager
def video(path: Path, shape: tuple[int, int], fps: float, title: str, comment: str) -> Iterator[VideoWriter]:
    """Write a video, MP4 (H.264) or GIF by the suffix of its path; the file is whole after the block.

    Parameters
    ----------
    path : Path
        Is overwritten.
    shape : (height, width)
        Even numbers.
    fps : float
        Frames per second.
    title, comment : str
        Written into MP4.

    Raises
    ------
    RecordError
        There is no ffmpeg, or it fails: with its own words.
    """
    program = find_ffmpeg()
    height, width = shape
    given = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-")
    form = GIF_FILTER if path.suffix.lower() == ".gif" else MP4_CODEC
    about = ("-metadata", f"title={title}", "-metadata", f"comment={comment}")
    command = [
        program,
        "-hide_banner",
        "-loglevel",
        "error",
        "-nostdin",
        "-y",
        *given,
        *form,
        *about,
        str(path),
    ]
    with tempfile.TemporaryFile() as words:
        # In a session of its own: Ctrl-C is for this program, which then ends the other one.
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words, start_new_session=True
        )
        assert process.stdin is not None
        try:
            yield VideoWriter(process.stdin, shape)
            process.stdin.close()
            failed = process.wait() != 0
        except BrokenPipeError:
            failed = True
        except BaseException:
            process.kill()
            raise
        finally:
            _end(process)
        if failed:
            words.seek(0)
            said = words.read().decode(errors="replace").strip().splitlines()
            raise RecordError(f"{path}: ffmpeg failed: {said[-1] if said else 'it gave no reason'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that has its end of input, and let go of the pipe."""
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        pass  # what was left to write has no reader
    process.wait()


def find_ffmpeg() -> str:
    """Path of ffmpeg: the system's, else the one that comes with the extra ``abm[view]``.

    Raises
    ------
    RecordError
        There is neither.
    """
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise RecordError(
            "videos need ffmpeg: install it with your system's packages, or `pip install abm[view]`; "
            "a page (-o page.html) needs nothing"
        ) from error
