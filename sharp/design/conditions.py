"""Conditions on designs, as people write them: ``tile_rows <= num_macs / 16``. Only numbers and names are in them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from sharp.checks import check_text, refuse

_MAX_LENGTH = 500
_EXPECTED = "a comparison of numbers and columns, such as tile_rows <= num_macs / 16"

_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Condition:
    """A comparison, or several joined by ``and``, ``or`` and ``not``, that designs have to meet.

    Parameters
    ----------
    text : str
        With the operators ``+ - * / // %`` and ``< <= > >= == !=``; a text in quotes is a name such as 'unfolded'.

    Raises
    ------
    SpecificationError
        Where it is anything else.

    Examples
    --------
    >>> from sharp.design.conditions import Condition
    >>> condition = Condition("tile_rows <= num_macs / 16")
    >>> sorted(condition.names), condition.holds({"tile_rows": 64, "num_macs": 1024})
    (['num_macs', 'tile_rows'], True)
    """

    def __init__(self, text: object) -> None:
        self.text = check_text("conditions", text)
        try:
            if len(self.text) > _MAX_LENGTH:
                raise SyntaxError
            self._tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise refuse("conditions", _EXPECTED, text) from None
        self.names: set[str] = set()
        self._check(self._tree, is_condition=True)

    def holds(self, values: Mapping[str, Any]) -> Any:
        """Whether it holds for values by name; an array where some are arrays."""
        return self._evaluate(self._tree, values)

    def _check(self, node: ast.AST, *, is_condition: bool) -> None:
        """Refuse what is no comparison, where one is due, or not what is compared."""
        parts: list[ast.expr]
        if isinstance(node, ast.BoolOp) and is_condition:
            parts = node.values
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not if is_condition else ast.USub):
            parts = [node.operand]
        elif isinstance(node, ast.Compare) and is_condition and all(type(each) in _OPERATORS for each in node.ops):
            parts, is_condition = [node.left, *node.comparators], False
        elif isinstance(node, ast.BinOp) and not is_condition and type(node.op) in _OPERATORS:
            parts = [node.left, node.right]
        elif isinstance(node, ast.Name) and not is_condition:
            self.names.add(node.id)
            return
        elif isinstance(node, ast.Constant) and not is_condition and type(node.value) in (int, float, str):
            return
        else:
            raise refuse("conditions", _EXPECTED, self.text)
        for part in parts:
            self._check(part, is_condition=is_condition)

    def _evaluate(self, node: ast.AST, values: Mapping[str, Any]) -> Any:
        match node:
            case ast.BoolOp(op=joined, values=parts):
                found = [self._evaluate(part, values) for part in parts]
                join = operator.and_ if isinstance(joined, ast.And) else operator.or_
                result = found[0]
                for each in found[1:]:
                    result = join(result, each)
                return result
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._evaluate(operand, values) ^ True  # also of arrays
            case ast.UnaryOp(operand=operand):
                return -self._evaluate(operand, values)
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [self._evaluate(side, values) for side in (left, *others)]
                pairs = zip(ops, sides, sides[1:], strict=False)
                result = True
                for compare, one, other in pairs:
                    result = result & _OPERATORS[type(compare)](one, other)
                return result
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](self._evaluate(left, values), self._evaluate(right, values))
            case ast.Name(id=name):
                return values[name]
            case ast.Constant(value=value):
                return value
        raise AssertionError("checked before")
