"""Whether JSON has the shape that a TypedDict describes, to the last key."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


def assert_shape(value: Any, shape: Any, where: str = "value") -> None:
    """Raise AssertionError, naming the place, where `value` isn't of the type `shape`."""
    origin, arguments = get_origin(shape), get_args(shape)
    if is_typeddict(shape):
        assert isinstance(value, dict), where
        hints = get_type_hints(shape)
        assert set(value) == set(hints), f"{where} has other keys"
        for key, hint in hints.items():
            assert_shape(value[key], hint, f"{where}.{key}")
    elif origin is list:
        assert isinstance(value, list), where
        for number, item in enumerate(value):
            assert_shape(item, arguments[0], f"{where}[{number}]")
    elif origin is dict:
        assert isinstance(value, dict), where
        for key, item in value.items():
            assert_shape(key, arguments[0], f"{where} key {key!r}")
            assert_shape(item, arguments[1], f"{where}[{key!r}]")
    elif origin is Literal:
        assert value in arguments, f"{where} is {value!r}"
    elif origin in (Union, types.UnionType):
        assert value is None or isinstance(value, arguments), f"{where} is {value!r}"
    else:
        assert isinstance(value, shape), f"{where} is {value!r}"
