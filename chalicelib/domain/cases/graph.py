"""What–why–who: topic → probable cause → department → playbook → question for the customer. Pure.

What is complained of is read from the words; why it happens is what people find out. So causes are data: each topic has
a list of them with weights that its trade's experience gives, and the causes of closed tickets shift the order. The way
that a ticket took is kept on it as ids and codes of reasons, see REASONS; words are made when somebody looks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from chalicelib.domain.cases.playbook import LANGUAGES, RED_LINE, Playbook, Playbooks, Text, said
from chalicelib.domain.cases.ticket import DUPLICATE, Ticket
from chalicelib.domain.text.folding import fold
from chalicelib.domain.workspaces.organisation import Edge

EXPERIENCE: Final = 10  # closed tickets that the weights of a topic's causes count for, all together
MOST_CAUSES: Final = 200  # that a workspace may add
MOST_OF_TOPIC: Final = 20
HEAVIEST: Final = 100  # weight of one cause
MOST_TERMS: Final = 30  # of one cause
_CLAUSE: Final = re.compile(r"[,.;:!?，。；：！？、\n]")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something goes wrong. ``department`` is who can change it; ``terms`` are other words for the same."""

    id: str
    names: Text
    department: str
    terms: tuple[str, ...] = ()


class Weighed(NamedTuple):
    """How likely a cause is among those of its topic, before anything was learned."""

    cause: str
    weight: int


@dataclass(frozen=True, slots=True)
class Causes:
    """``topics``: a topic, or ``red_line:`` and a kind → its causes."""

    by_id: Mapping[str, Cause] = field(default_factory=dict)
    topics: Mapping[str, tuple[Weighed, ...]] = field(default_factory=dict)

    def over(self, below: Causes) -> Causes:
        """Both; where both say something, of a cause or of a topic's list, this one counts."""
        return Causes({**below.by_id, **self.by_id}, {**below.topics, **self.topics})


@dataclass(frozen=True, slots=True)
class Overlay:
    """The causes of a workspace's own, over those of its packs. Version 0: there are none."""

    version: int = 0
    causes: Causes = field(default_factory=Causes)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the closed tickets of one topic's list gave as their causes. ``version`` grows with every change."""

    closed: Mapping[str, int] = field(default_factory=dict)
    since: datetime | None = None  # the first closing that was counted
    version: int = 0

    @property
    def total(self) -> int:
        return sum(self.closed.values())

    def changed(self, *, less: str | None = None, more: str | None = None, at: datetime | None = None) -> Tally:
        """One ticket less of a cause, or one more that was closed ``at``."""
        closed = dict(self.closed)
        if less is not None:
            closed[less] = closed.get(less, 0) - 1
        if more is not None:
            closed[more] = closed.get(more, 0) + 1
        left = {cause: number for cause, number in closed.items() if number > 0}
        first = min((one for one in (self.since, at) if one is not None), default=None)
        return Tally(left, first if left else None, self.version + 1)


class Counted(NamedTuple):
    """Under which topic's list a closed ticket is counted, for which cause; ``inferred``: nobody chose the cause."""

    topic: str
    cause: str
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """A cause in its place. ``share`` 0…1 is what is expected of it; ``passed`` are causes that experience alone would
    put before it."""

    cause: str
    weight: int
    weights: int  # of all causes of the list
    closed: int
    total: int  # closed tickets of the list
    share: float
    passed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """One workspace's. ``departments``: topic or red line → who is answerable by the code frame ``frame``."""

    causes: Causes = field(default_factory=Causes)
    departments: Mapping[str, str] = field(default_factory=dict)
    playbooks: Playbooks = field(default_factory=Playbooks)
    frame: str = ""
    overlay: int = 0  # version of the workspace's own causes

    def list_of(self, topic: str) -> str:
        """The topic whose causes count for ``topic``: the nearest above it that has a list, else itself."""
        above = topic
        while above and not topic.startswith(RED_LINE):
            if above in self.causes.topics:
                return above
            above = above.rpartition(".")[0]
        return topic

    def ranked(self, topic: str, tally: Tally) -> tuple[Ranked, ...]:
        """The causes of a topic, the likeliest first. ``tally`` is that of its list."""
        listed = self.causes.topics.get(self.list_of(topic), ())
        return rank([one for one in listed if one.cause in self.causes.by_id], tally, self.causes.by_id)


def rank(listed: Sequence[Weighed], tally: Tally, known: Mapping[str, object]) -> tuple[Ranked, ...]:
    """Weights count as EXPERIENCE closed tickets, so a handful of cases does not turn the order over.

    A cause that people gave and that the list does not have comes in with weight 0; one that nobody knows any more is
    left out.
    """
    named = {one.cause for one in listed}
    others = [Weighed(cause, 0) for cause in sorted(tally.closed) if cause not in named and cause in known]
    prior = sorted((*listed, *others), key=lambda one: -one.weight)  # stable: equal weights stay in order
    closed = {one.cause: tally.closed.get(one.cause, 0) for one in prior}
    weights, total = sum(one.weight for one in prior), sum(closed.values())
    experience = EXPERIENCE if weights else 0

    def share(one: Weighed) -> float:
        expected = experience * one.weight / weights if weights else 0.0
        return (expected + closed[one.cause]) / (experience + total)

    order = sorted(prior, key=lambda one: -share(one))
    found = []
    for place, one in enumerate(order):
        passed = tuple(other.cause for other in prior[: prior.index(one)] if other in order[place + 1 :])
        found.append(Ranked(one.cause, one.weight, weights, closed[one.cause], total, share(one), passed))
    return tuple(found)


# --- the way of a ticket ------------------------------------------------------------------------------------------


class Kinds(NamedTuple):
    """What an edge leads from and to: topic | cause | department | playbook | question."""

    start: str
    end: str


TOPIC, CAUSE, DEPARTMENT, PLAYBOOK, QUESTION = "topic", "cause", "department", "playbook", "question"

REASONS: Final[Mapping[str, tuple[Kinds, Text]]] = {
    "prior": (
        Kinds(TOPIC, CAUSE),
        {
            "zh-CN": "{start}：经验上最常见的原因是“{end}”（权重 {weight}/{weights}）",
            "en": "{start}: by experience the likeliest cause is “{end}” (weight {weight} of {weights})",
        },
    ),
    "seen": (
        Kinds(TOPIC, CAUSE),
        {
            "zh-CN": "{start}：{since} 以来结案的 {total} 起中 {closed} 起是“{end}”",
            "en": "{start}: {closed} of {total} closed since {since} were “{end}”",
        },
    ),
    "learned": (
        Kinds(TOPIC, CAUSE),
        {
            "zh-CN": "{start}：“{end}”排到“{before}”之前，{since} 以来结案的 {total} 起中占 {closed} 起",
            "en": "{start}: “{end}” before “{before}”, {closed} of {total} closed since {since}",
        },
    ),
    "mends": (Kinds(CAUSE, DEPARTMENT), {"zh-CN": "“{start}”由{end}改进", "en": "“{start}” is for {end} to mend"}),
    "frame": (
        Kinds(TOPIC, DEPARTMENT),
        {"zh-CN": "码框 {frame} 规定“{start}”由{end}负责", "en": "code frame {frame} gives “{start}” to {end}"},
    ),
    "rule": (
        Kinds(TOPIC, DEPARTMENT),
        {"zh-CN": "规则 {rules} 把此事交给{end}", "en": "rule {rules} gives this to {end}"},
    ),
    "person": (
        Kinds(TOPIC, DEPARTMENT),
        {"zh-CN": "有人把此事指派给{end}", "en": "somebody assigned this to {end}"},
    ),
    "own": (Kinds(DEPARTMENT, PLAYBOOK), {"zh-CN": "{start}按处置手册“{end}”办", "en": "{start} follows “{end}”"}),
    "above": (
        Kinds(DEPARTMENT, PLAYBOOK),
        {
            "zh-CN": "该主题没有自己的手册，{start}按上级主题的“{end}”办",
            "en": "the topic has no playbook of its own: {start} follows “{end}” of the topic above",
        },
    ),
    "red_line": (
        Kinds(DEPARTMENT, PLAYBOOK),
        {"zh-CN": "触及红线，{start}先按“{end}”办", "en": "a red line was crossed: {start} follows “{end}” first"},
    ),
    "asks": (
        Kinds(PLAYBOOK, QUESTION),
        {"zh-CN": "“{start}”的验收问题：{end}", "en": "“{start}” asks the customer: {end}"},
    ),
}


def path(ticket: Ticket, graph: Graph, tally: Callable[[str], Tally]) -> tuple[Edge, ...]:
    """The way from what a ticket is about to the question that ends it. ``tally`` gives that of a topic's list.

    Where the cause is for others to mend than those who have the ticket, the way forks: both are told.
    """
    topic = about(ticket, graph.playbooks)
    if topic is None:
        return ()
    edges: list[Edge] = []
    learned = tally(graph.list_of(topic)) if went_wrong(ticket) else Tally()
    ranked = graph.ranked(topic, learned) if went_wrong(ticket) else ()
    department = ticket.departments[0] if ticket.departments else None
    if ranked:
        edges.append(_to_cause(topic, ranked[0], learned.since))
        mends = graph.causes.by_id[ranked[0].cause].department
        edges.append(Edge(ranked[0].cause, mends, "mends"))
        if department not in (None, mends):
            edges.append(_to_department(ticket, topic, department or "", graph))
        department = department or mends
    elif department is not None:
        edges.append(_to_department(ticket, topic, department, graph))
    playbook = graph.playbooks.by_id.get(ticket.playbook.id) if ticket.playbook else None
    if playbook is not None and department is not None:
        edges.extend(_to_question(topic, department, playbook))
    return tuple(edges)


def went_wrong(ticket: Ticket) -> bool:
    """Whether what it is about can have a cause: praise has no playbook, and nothing that caused it is to be mended."""
    return ticket.complained or ticket.playbook is not None


def about(ticket: Ticket, playbooks: Playbooks) -> str | None:
    """The one topic, or red line, that a ticket is about first: the one that its playbook was chosen for."""
    chosen = ticket.playbook.id if ticket.playbook else None
    if chosen is not None and chosen.startswith(RED_LINE):
        return chosen

    def is_chosen(topic: str) -> bool:
        found = playbooks.of_topic(topic)
        return found is not None and found.id == chosen

    return next((topic for topic in ticket.topics if is_chosen(topic)), next(iter(ticket.topics), None))


def _to_cause(topic: str, first: Ranked, since: datetime | None) -> Edge:
    given = {"weight": str(first.weight), "weights": str(first.weights)}
    if not first.closed or since is None:
        return Edge(topic, first.cause, "prior", given)
    given |= {"closed": str(first.closed), "total": str(first.total), "since": since.date().isoformat()}
    if not first.passed:
        return Edge(topic, first.cause, "seen", given)
    return Edge(topic, first.cause, "learned", {**given, "before": first.passed[0]})


def _to_department(ticket: Ticket, topic: str, department: str, graph: Graph) -> Edge:
    if ticket.assigned:
        return Edge(topic, department, "person")
    named = next((one for one in (topic, *ticket.topics) if graph.departments.get(one) == department), None)
    if named is not None:
        return Edge(named, department, "frame", {"frame": graph.frame})
    rules = ", ".join(one.rule for one in ticket.reasons if not (one.lapsed or one.rule.startswith(DUPLICATE)))
    return Edge(topic, department, "rule", {"rules": rules})


def _to_question(topic: str, department: str, playbook: Playbook) -> Iterator[Edge]:
    reason = "red_line" if topic.startswith(RED_LINE) else "own" if playbook.id == topic else "above"
    yield Edge(department, playbook.id, reason)
    yield Edge(playbook.id, playbook.version, "asks")


# --- words --------------------------------------------------------------------------------------------------------

Name = Callable[[str, str], str]  # id, language → name


class Told(NamedTuple):
    """An edge in words. ``start`` and ``end`` are ids, of the kinds that stand before them."""

    kinds: Kinds
    start: str
    end: str
    reason: str
    names: tuple[Text, Text]  # of start and end
    why: Text


def told(edges: Iterable[Edge], graph: Graph, topic: Name, department: Name) -> tuple[Told, ...]:
    """Each edge with its reason in every language. What is known no more is called by its id."""

    def name(kind: str, one: str, start: str, lang: str) -> str:
        if kind == CAUSE:
            cause = graph.causes.by_id.get(one)
            return said(cause.names, lang) if cause else one
        if kind in (PLAYBOOK, QUESTION):
            playbook = graph.playbooks.by_id.get(one if kind == PLAYBOOK else start)
            if playbook is None:
                return one
            return said(playbook.title if kind == PLAYBOOK else playbook.question, lang)
        if kind == DEPARTMENT:
            return department(one, lang)
        return topic_called(one, graph, topic, lang)

    found = []
    for edge in edges:
        kinds, words = REASONS[edge.reason]
        ends = tuple(
            {lang: name(kind, one, edge.start, lang) for lang in LANGUAGES}
            for kind, one in zip(kinds, (edge.start, edge.end), strict=True)
        )
        why = {}
        for lang in LANGUAGES:
            given = dict(edge.given)
            if "before" in given:
                given["before"] = name(CAUSE, given["before"], "", lang)
            why[lang] = words[lang].format(**{**given, "start": ends[0][lang], "end": ends[1][lang]})
        found.append(Told(kinds, edge.start, edge.end, edge.reason, (ends[0], ends[1]), why))
    return tuple(found)


def topic_called(topic: str, graph: Graph, name: Name, lang: str) -> str:
    """The name of a topic; of a red line the title of what is done about it."""
    red_line = graph.playbooks.by_id.get(topic) if topic.startswith(RED_LINE) else None
    return said(red_line.title, lang) if red_line else name(topic, lang)


def moved_words(one: Ranked, tally: Tally, causes: Causes) -> dict[str, str] | None:
    """Why a cause stands before others that experience puts first; None where it does not."""
    if not one.passed:
        return None
    since = tally.since.date().isoformat() if tally.since else ""
    found = {}
    for lang in LANGUAGES:
        names = {cause: said(causes.by_id[cause].names, lang) for cause in (one.cause, *one.passed)}
        rest = [f"{names[cause]} {tally.closed.get(cause, 0)}" for cause in one.passed]
        found[lang] = _MOVED[lang].format(
            this=names[one.cause],
            others=_COMMAS[lang].join(names[cause] for cause in one.passed),
            closed=one.closed,
            total=one.total,
            since=since,
            rest=_COMMAS[lang].join(rest),
        )
    return found


_COMMAS: Final[Text] = {"zh-CN": "、", "en": ", "}
_MOVED: Final[Text] = {
    "zh-CN": "{this}排在{others}之前：{since} 以来结案的 {total} 起中占 {closed} 起（{rest}）",
    "en": "{this} before {others}: {closed} of {total} closed since {since} ({rest})",
}


# --- the cause of a closed ticket ---------------------------------------------------------------------------------


def counted(ticket: Ticket, graph: Graph) -> Counted | None:
    """What a ticket teaches: only a closed one, whose cause somebody chose or named in its very words.

    A case that was divided teaches by its parts, else what happened once would count twice.
    """
    topic = about(ticket, graph.playbooks)
    if ticket.state != "closed" or ticket.parts or topic is None or not went_wrong(ticket):
        return None
    if ticket.cause is not None:
        return Counted(graph.list_of(topic), ticket.cause)
    found = inferred(ticket.root_cause, graph, topic)
    return Counted(graph.list_of(topic), found, inferred=True) if found else None


def inferred(root_cause: str | None, graph: Graph, topic: str | None) -> str | None:
    """The cause of the topic's list that the words name: a clause of them is its name or one of its terms, no less.

    None where no clause is, or where several causes are named. A clause that denies a cause is not its name.
    """
    if not root_cause or topic is None:
        return None
    clauses = {fold(clause).text.strip() for clause in _CLAUSE.split(root_cause)} - {""}
    listed = [graph.causes.by_id.get(one.cause) for one in graph.causes.topics.get(graph.list_of(topic), ())]
    found = {one.id for one in listed if one and clauses & called(one)}
    return found.pop() if len(found) == 1 else None


def is_clause(words: str) -> bool:
    """Whether words can be found as a name: punctuation would cut them up."""
    return not _CLAUSE.search(words)


def called(one: Cause) -> frozenset[str]:
    """Its names and terms as words are compared."""
    return frozenset(fold(words).text.strip() for words in (*one.names.values(), *one.terms))
