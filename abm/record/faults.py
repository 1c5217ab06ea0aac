"""Messages for everything that can go wrong between the program and a result file."""

from __future__ import annotations

import errno
from pathlib import Path

from abm.errors import RecordError

_ADVICE = {
    errno.ENOENT: "the directory does not exist; create it or choose another output directory",
    errno.ENOTDIR: "a part of the path is a file, not a directory; choose another output directory",
    errno.EISDIR: "the path is a directory; give a file name",
    errno.EACCES: "permission denied; choose a directory you may write to",
    errno.EPERM: "permission denied; choose a directory you may write to",
    errno.EROFS: "the file system is read-only; choose another output directory",
    errno.ENOSPC: "the disk is full; free space, or record fields and cells less often",
    errno.EDQUOT: "the disk quota is used up; free space, or record fields and cells less often",
    errno.EFBIG: "the largest file size allowed (ulimit -f) is reached; raise it or record less often",
    errno.ENAMETOOLONG: "the file name is too long; shorten it",
    errno.EIO: "the disk reported an input/output error",
    errno.ESTALE: "the network file system lost the file; run again",
}


def os_fault(path: str | Path, doing: str, error: OSError) -> RecordError:
    """Turn an operating-system error into a message with the path and what to do about it."""
    advice = _ADVICE.get(error.errno or 0)
    if error.errno == errno.ENOENT and doing.startswith(("read", "open")):
        advice = "there is no such file"
    reason = error.strerror or str(error)
    return RecordError(f"{path}: cannot {doing}: {advice}" if advice else f"{path}: cannot {doing}: {reason}")
