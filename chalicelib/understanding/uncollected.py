"""Make what is kept without the garbage collector looking it through again and again."""

import gc


class Uncollected:
    """``with`` the collector paused. A frame and a reader are thousands of containers, none of them garbage; pausing
    takes a tenth off a cold start. Not made by ``contextlib``, which takes longer to import."""

    def __init__(self) -> None:
        self._runs = gc.isenabled()

    def __enter__(self) -> None:
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._runs:
            gc.enable()
