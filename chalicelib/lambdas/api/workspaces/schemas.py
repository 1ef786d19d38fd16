"""What the API takes about rules, keys and organisations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from chalicelib.domain.workspaces.access import UNIT_ROLES
from chalicelib.domain.workspaces.organisation import MOST_VERSIONS
from chalicelib.domain.workspaces.rules import MAX_COOLDOWN_S
from chalicelib.lambdas.api.schemas import Body, Moment, Name, Query, Severity, Topic, Unit, number, unique

RuleName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Role = Literal["admin", "analyst", "region", "store", "integration"]
Version = Annotated[int, BeforeValidator(number, json_schema_input_type=Annotated[int, Field(ge=0, le=MOST_VERSIONS)])]


class RuleBody(Body):
    when: dict[str, Any]
    then: Annotated[list[Literal["ticket", "alert", "followup"]], AfterValidator(unique)] = Field(min_length=1)
    severity: Severity = "medium"
    department: Name | None = None
    cooldown_s: int | None = Field(default=None, ge=1, le=MAX_COOLDOWN_S)
    enabled: bool = True


class NamedRule(RuleBody):
    name: RuleName


class KeyNew(Body):
    role: Role
    unit: Unit | None = None

    @model_validator(mode="after")
    def _unit_fits(self) -> KeyNew:
        if (self.unit is not None) != (self.role in UNIT_ROLES):
            raise ValueError("The roles region and store need a unit, the others have none.")
        return self


class OrganisationQuery(Query):
    """``version``: one that was in force before; left out, the one that is."""

    version: Version | None = None


class TableQuery(Query):
    """``version`` is the one that the table was taken from, 0 where there is none yet."""

    version: Version


class OwnerQuery(Query):
    """``at`` is now where it is left out. Of ``topic`` and ``department`` one at most."""

    unit: Unit | None = None
    topic: Topic | None = None
    department: Name | None = None
    at: Moment | None = None

    @model_validator(mode="after")
    def _about_one(self) -> OwnerQuery:
        if self.topic is not None and self.department is not None:
            raise ValueError("Either topic or department is asked for.")
        return self
