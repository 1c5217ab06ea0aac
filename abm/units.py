"""Physical units: texts such as ``30 um^2/s`` become floats in the internal units, exactly once.

The table is small and strict on purpose: a unit that is not in it is an error with the nearest
spelling, never a guess.  Numbers and factors are exact fractions until the last rounding, so
``30 um^2/s`` is 1800 um^2/min to the last bit.  The internal units are listed in `DIMENSIONS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from abm.errors import UnitError

#: Powers of length, time, mass, amount of substance.
Exponents = tuple[int, int, int, int]

_NONE: Exponents = (0, 0, 0, 0)
_MAX_TEXT = 100
_MAX_DECIMAL_EXPONENT = 400


@dataclass(frozen=True)
class Dimension:
    """What kind of quantity a value is, and the unit it has inside the program.

    Attributes
    ----------
    name : str
        The field's word for it, with its article: ``a diffusion coefficient``.
    unit : str
        Internal unit, e.g. ``um^2/min``; the key in `DIMENSIONS`.
    example : str
        A unit people write, used in messages, e.g. ``um^2/s``.
    exponents : tuple of int
        Powers of length, time, mass, amount.
    scale : Fraction
        Internal unit in coherent base units (um, min, fg, mol).
    """

    name: str
    unit: str
    example: str
    exponents: Exponents
    scale: Fraction

    def __str__(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit != "1" else self.name


@dataclass(frozen=True)
class Measure:
    """A parsed text: exact number in coherent base units (um, min, fg, mol) and its powers."""

    text: str
    base_value: Fraction
    exponents: Exponents
    unit_text: str

    def in_unit_of(self, dimension: Dimension) -> float:
        """Value in the internal unit of `dimension`; the powers must agree."""
        try:
            return float(self.base_value / dimension.scale)
        except OverflowError:
            raise UnitError(f"'{self.text}' is too large for a number of this program") from None


def _units() -> dict[str, tuple[Fraction, Exponents]]:
    """Every accepted unit: factor to (um, min, fg, mol) and powers."""
    length, time, mass, amount = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
    volume, molar, molar_mass = (3, 0, 0, 0), (-3, 0, 0, 1), (0, 0, 1, -1)
    prefix = {"k": 3, "": 0, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18}

    table: dict[str, tuple[Fraction, Exponents]] = {}

    def add(symbol: str, prefixes: str, one: Fraction, powers: Exponents) -> None:
        for letter in prefixes.split(" "):
            letter = "" if letter == "-" else letter
            table[letter + symbol] = (one * Fraction(10) ** prefix[letter], powers)

    add("m", "k - d c m u n", Fraction(10**6), length)
    add("l", "- d c m u n p f", Fraction(10**15), volume)
    add("L", "- d c m u n p f", Fraction(10**15), volume)
    add("g", "k - m u n p f a", Fraction(10**15), mass)
    add("mol", "- m u n p f a", Fraction(1), amount)
    add("M", "- m u n p f", Fraction(1, 10**15), molar)
    add("Da", "k -", Fraction(10**15), molar_mass)
    table["MDa"] = (Fraction(10**21), molar_mass)
    add("s", "- m", Fraction(1, 60), time)
    table["micron"] = table["microns"] = table["um"]
    for names, minutes in (
        ("min minute minutes", 1),
        ("h hr hour hours", 60),
        ("d day days", 24 * 60),
        ("wk week weeks", 7 * 24 * 60),
    ):
        for name in names.split():
            table[name] = (Fraction(minutes), time)
    table["second"] = table["seconds"] = table["sec"] = table["s"]
    table["cell"] = table["cells"] = (Fraction(1), _NONE)
    table["%"] = (Fraction(1, 100), _NONE)
    table["1"] = (Fraction(1), _NONE)
    return table


UNITS: Mapping[str, tuple[Fraction, Exponents]] = MappingProxyType(_units())

_REFUSED = {
    "month months mo": "a month has no fixed length; write days, e.g. '30 d'",
    "year years yr a": "a year is written in days, e.g. '365 d'",
    "°C degC C K °F F celsius kelvin": "temperature is no quantity of this model",
    "U IU units": "activity units depend on the preparation; write a mass (ng) or an amount (pmol)",
    "mM/l nM/l uM/l": "M already means mol per litre",
    "N mN uN": "withdrawal thresholds are written in g",
}
_WHY_REFUSED = {name: why for names, why in _REFUSED.items() for name in names.split()}

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_NOT_FINITE = re.compile(r"[+-]?\.?(nan|inf|infinity)\b", re.IGNORECASE)
_TOKEN = re.compile(r"\s*(?:(\*\*|\^)|([*·×/()])|([+-]?\d+)|([^\s*·×/^()+\-\d]+))")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUPERSCRIPTS = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")


def _unknown_unit(name: str, text: str) -> UnitError:
    why = _WHY_REFUSED.get(name)
    if why:
        return UnitError(f"unit '{name}' in '{text}' is not accepted: {why}")
    if name.startswith(","):
        return UnitError(f"'{text}': the decimal sign is a point, not a comma")
    lower = name.lower()
    near = [lower] if lower in UNITS else get_close_matches(name, UNITS, n=1, cutoff=0.6)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return UnitError(f"unknown unit '{name}' in '{text}'{hint}")


class _UnitParser:
    """Products, quotients, whole powers and parentheses, evaluated from left to right."""

    def __init__(self, unit_text: str, whole: str) -> None:
        self.whole = whole
        self.tokens = self._split(unit_text)
        self.at = 0

    def _split(self, text: str) -> list[str]:
        text = _SUPERSCRIPTS.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPT), text)
        tokens, at = [], 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if not found:
                raise self._unexpected(text[at:].strip())
            tokens.append("^" if found[1] else found[0].strip())
            at = found.end()
        return tokens

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def parse(self) -> tuple[Fraction, Exponents]:
        """Factor to the base units and their exponents."""
        factor, powers = self._product()
        if self._peek():
            raise self._unexpected(self._peek())
        return factor, powers

    def _unexpected(self, what: str) -> UnitError:
        return UnitError(f"'{self.whole}' is not a number with a unit: unexpected '{what}'")

    def _product(self) -> tuple[Fraction, Exponents]:
        factor, powers = Fraction(1), _NONE
        sign = 1
        if self._peek() == "/":
            self.at += 1
            sign = -1
        while True:
            one, one_powers = self._power()
            factor *= one**sign
            a, b, c, d = (p + sign * q for p, q in zip(powers, one_powers, strict=True))
            powers = (a, b, c, d)
            token = self._peek()
            if token in ("", ")"):
                return factor, powers
            sign = -1 if token == "/" else 1
            if token in ("*", "·", "×", "/"):
                self.at += 1

    def _power(self) -> tuple[Fraction, Exponents]:
        token = self._peek()
        self.at += 1
        if token == "(":
            factor, powers = self._product()
            if self._peek() != ")":
                raise UnitError(f"'{self.whole}' misses a closing parenthesis")
            self.at += 1
        elif token in UNITS:
            factor, powers = UNITS[token]
        elif not token or token in "^*·×/)" or token.lstrip("+-").isdigit():
            raise UnitError(f"'{self.whole}' is not a number with a unit: a unit is missing")
        else:
            raise _unknown_unit(token, self.whole)
        if self._peek() == "^":
            self.at += 1
            exponent = self._peek()
            self.at += 1
            if not re.fullmatch(r"[+-]?\d", exponent):
                raise UnitError(f"'{self.whole}': a power must be a whole number from -9 to 9")
            n = int(exponent)
            factor = factor**n
            a, b, c, d = (p * n for p in powers)
            powers = (a, b, c, d)
        return factor, powers


def _plain(text: str) -> str:
    """Both micro signs are `u`, any blank is a blank."""
    return text.replace("µ", "u").replace("μ", "u").replace("\u00a0", " ").replace("\u2009", " ").strip()


def _exact(number: str, whole: str) -> Fraction:
    mantissa, _, exponent = number.lower().partition("e")
    if exponent and (len(exponent) > 5 or abs(int(exponent)) > _MAX_DECIMAL_EXPONENT):
        if Fraction(mantissa) == 0:
            return Fraction(0)
        raise UnitError(f"'{whole}' is outside the numbers of this program (1e-308 to 1.8e308)")
    value = Fraction(number)
    if abs(value) > Fraction(10) ** 308:
        raise UnitError(f"'{whole}' is outside the numbers of this program (1e-308 to 1.8e308)")
    return value


@lru_cache(maxsize=4096)
def parse(text: str) -> Measure:
    """Read a number with its unit.

    Parameters
    ----------
    text : str
        ``number unit``, e.g. ``20 um``, ``30 um^2/s``, ``20.8 /mm^3/h``, ``0.5 %``; ``µ`` and
        superscripts are understood.  A number alone is dimensionless.

    Raises
    ------
    abm.errors.UnitError
        For anything else; the message says what was given and the nearest unit.
    """
    plain = _plain(text)
    if len(plain) > _MAX_TEXT:
        raise UnitError(f"'{plain[:40]}...' is longer than {_MAX_TEXT} characters")
    if _NOT_FINITE.match(plain):
        raise UnitError(f"'{text}' is not a finite number")
    found = _NUMBER.match(plain)
    if not found:
        raise UnitError(f"'{text}' is not a number with a unit; write e.g. '20 um'")
    number = _exact(found[0], text)
    unit_text = plain[found.end() :].strip()
    if not unit_text:
        return Measure(text, number, _NONE, "")
    factor, powers = _UnitParser(unit_text, text).parse()
    return Measure(text, number * factor, powers, unit_text)


def _dimensions() -> dict[str, Dimension]:
    rows = (
        # internal unit, name, unit shown in examples
        ("um", "a length", "um"),
        ("min", "a time", "h"),
        ("um^2", "an area", "um^2"),
        ("um^3", "a volume", "mm^3"),
        ("um^2/min", "a diffusion coefficient", "um^2/s"),
        ("um/min", "a speed", "um/min"),
        ("1/min", "a rate", "/h"),
        ("pg/ml", "a concentration", "pg/ml"),
        ("pg/ml/min", "a concentration per time", "pg/ml/min"),
        ("pg/ml/um", "a concentration gradient", "pg/ml/um"),
        ("fg/min", "a secretion rate", "fg/day"),
        ("fg", "a mass", "ng"),
        ("g", "a withdrawal threshold", "g"),
        ("kDa", "a molar mass", "kDa"),
        ("1/um^3", "a number density", "/mm^3"),
        ("1/um^3/min", "a number density per time", "/mm^3/h"),
        ("1/um", "a reciprocal length", "/um"),
        ("1", "a plain number", ""),
    )
    table = {}
    for unit, name, example in rows:
        scale, powers = _UnitParser(unit, unit).parse()
        table[unit] = Dimension(name, unit, example, powers, scale)
    return table


#: Internal unit -> dimension: the complete list of what a value of a scenario can be.
DIMENSIONS: Mapping[str, Dimension] = MappingProxyType(_dimensions())

#: Powers -> dimension, for values whose dimension follows from where they are used.  The threshold
#: in g is a mass as well, but is asked for by name only.
BY_POWERS: Mapping[Exponents, Dimension] = MappingProxyType(
    {d.exponents: d for d in DIMENSIONS.values() if d.unit != "g"}
)


def molar_twin(exponents: Exponents) -> Dimension | None:
    """Dimension that an amount of substance has once it is multiplied by a molar mass.

    ``5 nM`` (amount per volume) is a concentration of mass as soon as the molar mass is known.
    """
    length, time, mass, amount = exponents
    if amount != 1:
        return None
    return BY_POWERS.get((length, time, mass + 1, 0))


def describe(measure: Measure) -> str:
    """What a parsed text is, for messages: ``a speed``, or its unit when it has no name."""
    dimension = BY_POWERS.get(measure.exponents)
    if dimension is not None:
        return dimension.name
    twin = molar_twin(measure.exponents)
    return f"molar ({twin.name.partition(' ')[2]})" if twin else f"in {measure.unit_text or 'no unit'}"


def to_internal(text: str, unit: str) -> float:
    """Value of `text` in the internal unit `unit`.

    Raises
    ------
    abm.errors.UnitError
        For an unknown unit or another dimension.
    """
    wanted = DIMENSIONS[unit]
    measure = parse(text)
    if measure.exponents != wanted.exponents:
        example = f", e.g. in {wanted.example}" if wanted.example else ""
        raise UnitError(f"'{text}' is {describe(measure)}, expected {wanted.name}{example}")
    return measure.in_unit_of(wanted)


_READABLE = {
    "min": (("d", 1440.0), ("h", 60.0), ("min", 1.0), ("s", 1 / 60)),
    "um": (("mm", 1000.0), ("um", 1.0), ("nm", 1e-3)),
    "um^3": (("ml", 1e12), ("mm^3", 1e9), ("um^3", 1.0)),
    "um^2": (("mm^2", 1e6), ("um^2", 1.0)),
    "um^2/min": (("um^2/s", 60.0),),
    "1/min": (("/min", 1.0), ("/h", 1 / 60)),
    "fg/min": (("fg/min", 1.0), ("fg/h", 1 / 60), ("fg/d", 1 / 1440)),
    "fg": (("g", 1e15), ("mg", 1e12), ("ug", 1e9), ("ng", 1e6), ("pg", 1e3), ("fg", 1.0)),
    "1/um^3": (("/mm^3", 1e-9),),
    "1/um^3/min": (("/mm^3/h", 1e-9 / 60),),
}


def readable(value: float, unit: str) -> str:
    """Value in internal units as a short text in the unit people would choose.

    >>> readable(47520.0, "min")
    '33 d'
    """
    choices = _READABLE.get(unit, ((unit, 1.0),))
    name, factor = next((c for c in choices if abs(value) >= c[1]), choices[-1])
    if value == 0:
        name, factor = choices[-1] if unit != "min" else ("min", 1.0)
    number = f"{value / factor:.4g}"
    return number if name == "1" else f"{number} {name}"


def like(value: float, unit: str, given: str) -> str:
    """Value in the internal unit `unit`, written in the unit of the text `given`.

    >>> like(0.025, "1/min", "1 /h")
    '1.5 /h'
    """
    try:
        unit_text = parse(given).unit_text
        factor = parse(f"1 {unit_text}").in_unit_of(DIMENSIONS[unit])
    except UnitError:
        return readable(value, unit)
    return f"{value / factor:.4g} {unit_text}".strip()
