"""What the API takes about dry runs: one thing or several that would change."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chalicelib.domain.reading.dry_run import MOST_DAYS as MOST_DRY_DAYS
from chalicelib.domain.reading.frame_state import LONGEST_OVERLAY, MOST_PACKS
from chalicelib.domain.workspaces.limits import MAX_RULES
from chalicelib.lambdas.api.cases.graph_schemas import OwnCauses
from chalicelib.lambdas.api.cases.schemas import Sla
from chalicelib.lambdas.api.outbound.schemas import EndpointFilter, EventType
from chalicelib.lambdas.api.schemas import Body, Identity, Word, unique
from chalicelib.lambdas.api.workspaces.schemas import NamedRule, RuleName


class TriedRules(BaseModel):
    """``put``: rules as PUT /v1/rules takes them; ``delete``: own rules by name."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    put: Annotated[list[NamedRule], Field(max_length=MAX_RULES)] = []
    delete: Annotated[list[RuleName], AfterValidator(unique), Field(max_length=MAX_RULES)] = []

    @model_validator(mode="after")
    def _once(self) -> TriedRules:
        unique([*(one.name for one in self.put), *self.delete])
        return self


class TriedFrame(BaseModel):
    """``overlay`` is YAML, as in a proposal; left out, there is none."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    packs: Annotated[list[Word], AfterValidator(unique)] = Field(min_length=1, max_length=MOST_PACKS)
    overlay: str = Field(default="", max_length=LONGEST_OVERLAY, repr=False)


class TriedEndpoint(BaseModel):
    """What another of its events, or another filter, would send to an endpoint; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    id: Identity
    events: Annotated[list[EventType], AfterValidator(unique)] | None = Field(default=None, min_length=1)
    filter: EndpointFilter | None = None
    split: Literal["case", "departments"] | None = None


class DryRunChange(BaseModel):
    """One thing or several that would change together. ``sla``, ``causes`` and ``organisation`` are what their own
    routes take, whole; their ``version`` is not looked at. ``frame`` changes topics and playbooks.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    rules: TriedRules = TriedRules()
    sla: Sla | None = None
    causes: OwnCauses | None = None
    organisation: dict[str, Any] | None = Field(default=None, repr=False)
    frame: TriedFrame | None = None
    endpoints: Annotated[list[TriedEndpoint], Field(max_length=100)] = []

    @model_validator(mode="after")
    def _once(self) -> DryRunChange:
        unique([one.id for one in self.endpoints])
        return self


class DryRunNew(Body):
    """``days``: how far back the voices go that are heard again."""

    days: int = Field(default=30, ge=1, le=MOST_DRY_DAYS)
    change: DryRunChange
