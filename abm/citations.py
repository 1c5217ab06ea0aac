"""Where a number comes from: one record per source, and its printed forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: How a value came about.
KINDS = ("measured", "fitted", "assumed")

_DOI = re.compile(r"10\.\d{4,9}/\S+")


@dataclass(frozen=True)
class Source:
    """One source of values.

    Attributes
    ----------
    key : str
        The short name by which a value refers to it.
    cite : str
        Full reference as one line.
    doi : str
        Digital object identifier without resolver; empty when there is none.
    authority : str
        How the figure reached the library: ``read``, ``read (abstract)``, ``recalled``, ``fitted``, ...
    """

    key: str
    cite: str
    doi: str = ""
    authority: str = ""

    def __str__(self) -> str:
        doi = f". doi:{self.doi}" if self.doi else ""
        return f"{self.key}: {self.cite}{doi}"

    def as_bibtex(self) -> str:
        """BibTeX entry; the reference stands whole in ``note``, since it is kept as one line."""
        doi = f",\n  doi = {{{self.doi}}}" if self.doi else ""
        return f"@misc{{{self.key},\n  note = {{{self.cite}}}{doi}\n}}"


def parse_sources(raw: Mapping[str, Mapping[str, str]]) -> dict[str, Source]:
    """Records from the mapping ``key: {cite, doi?, authority?}`` of a sources file."""
    return {
        key: Source(key, record["cite"], record.get("doi", ""), record.get("authority", ""))
        for key, record in raw.items()
    }


def is_known(key: str, sources: Iterable[str]) -> bool:
    """Whether `key` names one of `sources` or is itself a DOI, written ``doi:10.xxxx/yyyy``."""
    return key in sources or (key.startswith("doi:") and bool(_DOI.fullmatch(key[4:])))
