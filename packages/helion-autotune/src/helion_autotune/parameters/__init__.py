"""The kinds of parameter a space may declare; anything that meets :class:`Parameter` is one."""

from helion_autotune.parameters.composite import ListOf, Permutation
from helion_autotune.parameters.continuous import Float
from helion_autotune.parameters.discrete import Boolean, Choice, Integer, PowerOfTwo
from helion_autotune.parameters.parameter import Parameter

__all__ = [
    "Boolean",
    "Choice",
    "Float",
    "Integer",
    "ListOf",
    "Parameter",
    "Permutation",
    "PowerOfTwo",
]
