"""What the API shows of why things go wrong, and whose they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.domain.cases.graph import moved_words, topic_called
from chalicelib.domain.cases.playbook import LANGUAGES
from chalicelib.lambdas.api.shows import Json, moment
from chalicelib.understanding import called

if TYPE_CHECKING:
    from chalicelib.domain.cases.graph import Graph, Name, Overlay, Ranked, Tally
    from chalicelib.services.cases.manage_graph import Shown


def own(workspace: str, one: Overlay) -> Json:
    causes = [
        {"id": cause.id, "names": dict(cause.names), "department": cause.department, "terms": list(cause.terms)}
        for cause in one.causes.by_id.values()
    ]
    lists = {topic: [listed._asdict() for listed in found] for topic, found in one.causes.topics.items()}
    return {"workspace": workspace, "version": one.version, "causes": causes, "topics": lists}


def topic(one: Shown, graph: Graph, topic_name: Name, lang: str | None) -> Json:
    playbook = one.playbook
    return {
        "topic": one.topic,
        "name": _said(lambda lang: topic_called(one.topic, graph, topic_name, lang), lang),
        "listed": one.listed,
        "department": _department(one.department, lang),
        "closed": one.tally.total,
        "since": moment(one.tally.since),
        "causes": [_ranked(ranked, one.tally, graph, lang) for ranked in one.ranked],
        "playbook": {"id": playbook.id, "version": playbook.version} if playbook else None,
        "question": _said(lambda lang: playbook.question[lang], lang) if playbook else None,
    }


def _ranked(one: Ranked, tally: Tally, graph: Graph, lang: str | None) -> Json:
    cause = graph.causes.by_id[one.cause]
    why = moved_words(one, tally, graph.causes)
    return {
        "id": one.cause,
        "name": _said(lambda lang: cause.names[lang], lang),
        "department": _department(cause.department, lang),
        "terms": list(cause.terms),
        "weight": one.weight,
        "closed": one.closed,
        "share": round(one.share, 4),
        "before": list(one.passed),
        "why": _said(lambda lang: why[lang], lang) if why else None,
    }


def _department(department: str, lang: str | None) -> Json:
    return {"id": department, "name": _said(lambda lang: called.department(department, lang), lang)}


def _said(text: Callable[[str], str], lang: str | None) -> Any:
    """In one language, or in every one."""
    return text(lang) if lang else {one: text(one) for one in LANGUAGES}
