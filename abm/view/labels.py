"""How names are printed: Greek letters, proper spellings of arms, powers of ten."""

from __future__ import annotations

import re
from collections.abc import Mapping

# For files whose scenario has no labels.
_GREEK = {"a": "α", "b": "β", "g": "γ", "d": "δ"}
_CYTOKINE = re.compile(r"(IL-?\d+|TNF|TGF|IFN)-?([abgd])(\d*)")
_ARM_WORDS = {
    "sham": "sham",
    "naive": "naive",
    "vehicle": "vehicle",
    "cci": "CCI",
    "sni": "SNI",
    "snl": "SNL",
    "msc": "MSC",
    "bmsc": "BMSC",
    "tgfb1": "TGF-β1",
    "tgfb": "TGF-β",
    "il1b": "IL-1β",
    "il10": "IL-10",
    "tnf": "TNF",
    "tnfa": "TNF-α",
}
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def name_label(name: str, labels: Mapping[str, str]) -> str:
    """Printed name of a cytokine, cell type, phenotype or compartment; Greek letters even without labels."""
    if name in labels:
        return labels[name]
    matched = _CYTOKINE.fullmatch(name)
    if matched:
        dash = "" if matched[1].startswith("IL") else "-"
        return f"{matched[1]}{dash}{_GREEK[matched[2]]}{matched[3]}"
    return name.rpartition(":")[2].replace("_", " ")


def arm_label(arm: str) -> str:
    """``cci_bmsc`` as ``CCI + BMSC``; a name with an unknown word only loses its underscores."""
    words = arm.split("_")
    if all(word.lower() in _ARM_WORDS for word in words):
        return " + ".join(_ARM_WORDS[word.lower()] for word in words)
    return arm.replace("_", " ")


def dose_label(text: str, labels: Mapping[str, str]) -> str:
    """A line of the log of doses, with printed names and ``2.5×10⁵`` in place of ``250000``."""
    return " ".join(_word(word, labels) for word in text.split())


def _word(word: str, labels: Mapping[str, str]) -> str:
    try:
        value = float(word)
    except ValueError:
        return name_label(word, labels) if word in labels or _CYTOKINE.fullmatch(word) else word
    return power_of_ten(value) if abs(value) >= 1e4 else f"{value:g}"


def power_of_ten(value: float) -> str:
    """``2.5×10⁵``."""
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    head = mantissa.rstrip("0").rstrip(".")
    return f"{head}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def unit_label(unit: str) -> str:
    """``/mm^2`` as ``/mm²``; nothing for a plain number."""
    powers = re.sub(r"\^(-?[0-9]+)", lambda found: found[1].translate(_SUPERSCRIPT), unit)
    return "" if unit == "1" else powers


def sentence(text: str) -> str:
    """First letter in upper case, unless the word is an abbreviation already."""
    return text[:1].upper() + text[1:]


def plural(name: str) -> str:
    """``T cell`` as ``T cells``; what is plural already, and abbreviations, stay."""
    return name if name.endswith(("ia", "s")) or name.isupper() else f"{name}s"
