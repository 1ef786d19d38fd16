"""Make what is kept without the garbage collector looking it through again and again."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Made = TypeVar("Made", bound=Callable[..., object])


def uncollected(make: Made) -> Made:
    """``make``, with the collector paused. A frame and a reader are thousands of containers, none of them garbage;
    pausing takes a tenth off a cold start."""

    @wraps(make)
    def made(*args: object, **named: object) -> object:
        runs = gc.isenabled()
        gc.disable()
        try:
            return make(*args, **named)
        finally:
            if runs:
                gc.enable()

    return made  # type: ignore[return-value]  # it takes and answers what ``make`` does
