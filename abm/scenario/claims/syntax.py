"""A claim as a tree: what stands in it, before names and units are looked at.

::

    claim      = and ("or" and)*
    and        = not ("and" not)*
    not        = "not" not | comparison
    comparison = sum (("<" | "<=" | ">" | ">=") sum)*
    sum        = product (("+" | "-") product)*
    product    = signed (("*" | "/") signed)*
    signed     = ("+" | "-") signed | power
    power      = atom ["^" ["-"] digit]
    atom       = number [unit] | "'" text "'" | name | name "(" [argument ("," argument)*] ")" | "(" claim ")"
    argument   = [name "="] claim

Length, number of parts, depth and powers are bounded, so that no claim can be costly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from abm.scenario.claims.tokens import KEYWORDS, ClaimError, Kind, Token, tokens
from abm.units import Measure

MAX_DEPTH = 40
MAX_PARTS = 300
MAX_POWER = 9

COMPARISONS = ("<", "<=", ">", ">=")


@dataclass(frozen=True)
class Part:
    """One part of a claim and the characters it takes.

    Attributes
    ----------
    start, end : int
        End excluded.
    depth : int
        Parts inside each other, itself included.
    """

    start: int
    end: int
    depth: int = field(compare=False, repr=False)


@dataclass(frozen=True)
class Number(Part):
    """A number with its unit."""

    measure: Measure


@dataclass(frozen=True)
class Text(Part):
    """A quoted text: a name or a value with a unit, as its place demands."""

    text: str


@dataclass(frozen=True)
class Name(Part):
    """A bare name."""

    name: str


@dataclass(frozen=True)
class Argument:
    """One argument of a call; `keyword` is empty when it has none."""

    keyword: str
    start: int
    value: Tree


@dataclass(frozen=True)
class Call(Part):
    """A function and its arguments."""

    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Arithmetic(Part):
    """Two operands and one of ``+ - * /``; `sign` is where the operator stands."""

    operator: str
    sign: int
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Negative(Part):
    """A value with its sign turned round."""

    value: Tree


@dataclass(frozen=True)
class Power(Part):
    """A value to a whole power."""

    value: Tree
    exponent: int


@dataclass(frozen=True)
class Chain(Part):
    """Two or more values and the comparisons between neighbours."""

    values: tuple[Tree, ...]
    operators: tuple[str, ...]
    signs: tuple[int, ...]


@dataclass(frozen=True)
class Logic(Part):
    """Conditions joined by ``and`` or ``or``, or one condition under ``not``."""

    operator: str
    items: tuple[Tree, ...]


Tree: TypeAlias = Number | Text | Name | Call | Arithmetic | Negative | Power | Chain | Logic


def parse_claim(text: str) -> Tree:
    """The tree of a claim.

    Raises
    ------
    ClaimError
        With the character at which reading had to stop.
    """
    return _Parser(tokens(text)).whole()


class _Parser:
    """Recursive descent with one token of look-ahead."""

    def __init__(self, found: list[Token]) -> None:
        self.found = found
        self.at = 0
        self.parts = 0
        self.open = 0

    @property
    def next(self) -> Token:
        """The token to be read next; the last one is the end."""
        return self.found[self.at]

    def take(self) -> Token:
        """Read it and go on."""
        token = self.found[self.at]
        self.at += 1
        return token

    def is_sign(self, *signs: str) -> bool:
        """Whether one of these signs comes next."""
        return self.next.kind is Kind.SIGN and self.next.text in signs

    def is_word(self, *words: str) -> bool:
        """Whether one of these words comes next."""
        return self.next.kind is Kind.NAME and self.next.text in words

    def whole(self) -> Tree:
        """The tree of all tokens."""
        if self.next.kind is Kind.END:
            raise ClaimError("the claim is empty", 0)
        tree = self.claim()
        if self.at < len(self.found) - 1:
            raise self.unexpected("the end of the claim, a comparison, 'and' or 'or'")
        return tree

    def unexpected(self, wanted: str) -> ClaimError:
        """The fault that something else comes next than what is `wanted`."""
        token = self.next
        if token.kind is Kind.END:
            return ClaimError(f"the claim ends where {wanted} is expected", token.start)
        if token.kind is Kind.SIGN and token.text == "=":
            message = "'=' names an argument inside a function; compare with '<', '<=', '>', '>='"
            return ClaimError(message, token.start)
        return ClaimError(f"'{token.text}' stands where {wanted} is expected", token.start)

    def count(self, start: int, *below: Part) -> int:
        """Depth of a new part; refuses one too many."""
        self.parts += 1
        depth = 1 + max((part.depth for part in below), default=0)
        if self.parts > MAX_PARTS:
            raise ClaimError(f"more than {MAX_PARTS} parts; split the claim", start)
        if depth > MAX_DEPTH:
            raise self.too_deep(start)
        return depth

    def too_deep(self, start: int) -> ClaimError:
        """The fault that parts are nested too deeply."""
        return ClaimError(f"nested or chained deeper than {MAX_DEPTH} levels; split the claim", start)

    def claim(self) -> Tree:
        """A whole claim, also between parentheses and as an argument."""
        self.open += 1
        if self.open > MAX_DEPTH:
            raise self.too_deep(self.next.start)
        tree = self.joined("or", lambda: self.joined("and", self.negated))
        self.open -= 1
        return tree

    def joined(self, word: str, item: Callable[[], Tree]) -> Tree:
        """One item, or several joined by a word."""
        items = [item()]
        while self.is_word(word):
            self.take()
            items.append(item())
        if len(items) == 1:
            return items[0]
        start = items[0].start
        return Logic(start, items[-1].end, self.count(start, *items), word, tuple(items))

    def negated(self) -> Tree:
        """A comparison, with any number of ``not`` before it."""
        if not self.is_word("not"):
            return self.comparison()
        start = self.take().start
        self.open += 1
        if self.open > MAX_DEPTH:
            raise self.too_deep(start)
        item = self.negated()
        self.open -= 1
        return Logic(start, item.end, self.count(start, item), "not", (item,))

    def comparison(self) -> Tree:
        """One value, or two and more with comparisons between neighbours."""
        values, operators, signs = [self.sum()], [], []
        while self.is_sign(*COMPARISONS):
            sign = self.take()
            operators.append(sign.text)
            signs.append(sign.start)
            values.append(self.sum())
        if not operators:
            return values[0]
        start = values[0].start
        depth = self.count(start, *values)
        return Chain(start, values[-1].end, depth, tuple(values), tuple(operators), tuple(signs))

    def sum(self) -> Tree:
        """Products that are added or subtracted."""
        return self.chain(("+", "-"), self.product)

    def product(self) -> Tree:
        """Signed values that are multiplied or divided."""
        return self.chain(("*", "/"), self.signed)

    def chain(self, signs: tuple[str, ...], operand: Callable[[], Tree]) -> Tree:
        """Operands joined by signs of the same rank, from left to right."""
        left = operand()
        while self.is_sign(*signs):
            sign = self.take()
            right = operand()
            depth = self.count(left.start, left, right)
            left = Arithmetic(left.start, right.end, depth, sign.text, sign.start, left, right)
        return left

    def signed(self) -> Tree:
        """A power, with any number of signs before it."""
        if not self.is_sign("+", "-"):
            return self.power()
        sign = self.take()
        self.open += 1
        if self.open > MAX_DEPTH:
            raise self.too_deep(sign.start)
        value = self.signed()
        self.open -= 1
        if sign.text == "+":
            return value
        return Negative(sign.start, value.end, self.count(sign.start, value), value)

    def power(self) -> Tree:
        """A single value, or one with a whole exponent."""
        value = self.atom()
        if not self.is_sign("^"):
            return value
        self.take()
        negative = self.is_sign("-")
        if negative:
            self.take()
        token = self.next
        measure = token.measure
        if measure is None or measure.unit_text or not token.text.isdigit() or int(token.text) > MAX_POWER:
            raise ClaimError(f"a power is a whole number from -{MAX_POWER} to {MAX_POWER}", token.start)
        self.take()
        if self.is_sign("^"):
            raise ClaimError("a power of a power; use parentheses", self.next.start)
        exponent = -int(token.text) if negative else int(token.text)
        return Power(value.start, token.end, self.count(value.start, value), value, exponent)

    def atom(self) -> Tree:
        """A number, a text, a name, a call, or a claim between parentheses."""
        token = self.next
        if token.kind is Kind.NUMBER:
            self.take()
            assert token.measure is not None
            return Number(token.start, token.end, self.count(token.start), token.measure)
        if token.kind is Kind.TEXT:
            self.take()
            return Text(token.start, token.end, self.count(token.start), token.text)
        if token.kind is Kind.NAME and token.text not in KEYWORDS:
            self.take()
            if self.is_sign("("):
                return self.call(token)
            return Name(token.start, token.end, self.count(token.start), token.text)
        if self.is_sign("("):
            self.take()
            inside = self.claim()
            if not self.is_sign(")"):
                raise self.unexpected("')'")
            return replace(inside, start=token.start, end=self.take().end)
        raise self.unexpected("a value")

    def call(self, name: Token) -> Tree:
        """A function's arguments up to its closing parenthesis; its name is read already."""
        self.take()
        arguments: list[Argument] = []
        while not self.is_sign(")"):
            arguments.append(self.argument())
            if self.is_sign(","):
                self.take()
                if self.is_sign(")"):
                    raise ClaimError("an argument is missing after ','", self.next.start)
            elif not self.is_sign(")"):
                raise self.unexpected("',' or ')'")
        end = self.take().end
        depth = self.count(name.start, *(argument.value for argument in arguments))
        return Call(name.start, end, depth, name.text, tuple(arguments))

    def argument(self) -> Argument:
        """One argument, with its keyword if it has one."""
        first, second = self.next, self.found[min(self.at + 1, len(self.found) - 1)]
        keyword = ""
        if first.kind is Kind.NAME and second.kind is Kind.SIGN and second.text == "=":
            keyword = first.text
            self.at += 2
        return Argument(keyword, first.start, self.claim())
