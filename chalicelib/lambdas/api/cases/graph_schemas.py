"""What the API takes about why things go wrong, and whose they are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.domain.cases.graph import HEAVIEST, MOST_CAUSES, MOST_OF_TOPIC, MOST_TERMS, Cause, Causes, Weighed
from chalicelib.domain.workspaces.organisation import MOST_VERSIONS
from chalicelib.lambdas.api.schemas import Body, Name, Query, Word, number, printable, unique

GraphTopic = Annotated[str, StringConstraints(pattern=r"^(red_line:)?[a-z0-9_.-]{1,100}$")]
CauseName = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$", max_length=60), AfterValidator(printable)]


class OwnCause(BaseModel):
    """Why something goes wrong, who can change it, and other words for the same. ``names``: in both languages."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    id: Word
    names: Annotated[dict[Literal["zh-CN", "en"], CauseName], Field(min_length=2)]
    department: Name
    terms: Annotated[list[CauseName], Field(max_length=MOST_TERMS)] = []


class OwnWeight(BaseModel):
    """A cause of a topic and how likely it is among the others, by experience."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    cause: Word
    weight: int = Field(ge=1, le=HEAVIEST)


class OwnCauses(Body):
    """``version``: the one that this replaces, 0 for the first. A topic's list takes the place of its packs' list."""

    version: int = Field(ge=0, le=MOST_VERSIONS)
    causes: Annotated[list[OwnCause], Field(max_length=MOST_CAUSES)] = Field(default=[])
    topics: Annotated[
        dict[GraphTopic, Annotated[list[OwnWeight], Field(min_length=1, max_length=MOST_OF_TOPIC)]],
        Field(max_length=MOST_CAUSES),
    ] = Field(default={})

    @model_validator(mode="after")
    def _once(self) -> OwnCauses:
        unique([one.id for one in self.causes])
        for listed in self.topics.values():
            unique([one.cause for one in listed])
        return self

    def own(self) -> Causes:
        """What the domain makes of it."""
        by_id = {
            one.id: Cause(one.id, {str(lang): said for lang, said in one.names.items()}, one.department, (*one.terms,))
            for one in self.causes
        }
        lists = {topic: tuple(Weighed(one.cause, one.weight) for one in found) for topic, found in self.topics.items()}
        return Causes(by_id, lists)


class GraphQuery(Query):
    """All topics that have causes where ``topic`` is left out. ``lang``: texts in this language alone."""

    topic: GraphTopic | None = None
    lang: Literal["zh-CN", "en"] | None = None


class OwnCausesQuery(Query):
    """``version``: an older one; the one in force where it is left out."""

    version: Annotated[int, BeforeValidator(number), Field(ge=1, le=MOST_VERSIONS)] | None = None
