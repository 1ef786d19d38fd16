"""The deliver function: which message goes to which service."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import Parked
from chalicelib.lambdas import deliver
from chalicelib.observability import Line
from chalicelib.wiring import outbound


class Recorder:
    """Any service: remembers how it was called."""

    def __init__(self, answer: Any = ()) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self._answer = answer

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            self.calls.append((name, args, named))
            return self._answer

        return call


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> dict[str, Recorder]:
    recorders = {
        "fan_out_service": Recorder(1),
        "deliver_service": Recorder(("Delivered",)),
        "delivery_admin_service": Recorder(1),
    }
    for name, recorder in recorders.items():
        monkeypatch.setattr(outbound, name, lambda recorder=recorder: recorder)
    return recorders


def calls(services: dict[str, Recorder]) -> dict[str, Any]:
    return {name: recorder.calls for name, recorder in services.items() if recorder.calls}


def test_a_bus_event_is_fanned_out(services: dict[str, Recorder]) -> None:
    detail = {"type": "ticket.opened", "workspace": "acme"}
    deliver.handle(
        {"detail-type": "ticket.opened", "detail": detail}, Line("deliver"), fan_out=outbound.fan_out_service
    )
    assert calls(services) == {"fan_out_service": [("handle", (detail,), {})]}


def test_a_delivery_is_attempted_and_counted(services: dict[str, Recorder], monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    line = Line("deliver")
    monkeypatch.setattr(line, "count", counted.append)
    message = {"kind": "deliver", "workspace": "acme", "delivery_id": "dl-a-b-1", "version": 2, "waited": True}
    deliver.handle(message, line, fan_out=outbound.fan_out_service)
    expected = ("handle", ("acme", "dl-a-b-1", 2), {"waited": True, "looks": 0})
    assert calls(services) == {"deliver_service": [expected]}
    assert counted == ["Delivered"]


@pytest.mark.parametrize("kind", ["release", "cancel"])
def test_what_an_api_call_left_over_is_done(services: dict[str, Recorder], kind: str) -> None:
    message = {"kind": kind, "workspace": "acme", "endpoint_id": "ep_one", "after": "dl-a-b-1"}
    deliver.handle(message, Line("deliver"), fan_out=outbound.fan_out_service)
    assert calls(services) == {"delivery_admin_service": [(kind, ("acme", "ep_one"), {"after": "dl-a-b-1"})]}


@pytest.mark.parametrize("message", [{}, {"kind": "mystery"}])
def test_any_other_message_goes_to_the_dead_letters(services: dict[str, Recorder], message: dict[str, Any]) -> None:
    with pytest.raises(Parked, match="no such message") as parked:
        deliver.handle(message, Line("deliver"), fan_out=outbound.fan_out_service)
    assert parked.value.code == "unknown_message"
    assert calls(services) == {}
