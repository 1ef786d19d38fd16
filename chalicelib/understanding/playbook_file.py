"""Playbooks as YAML → values. Whatever is wrong is refused with file, line and what would be right.

::

    pack: catering                     # of ../catering.yaml; only in a pack's file
    roles:                             # who may give something, in the trade's own words
      server: {zh-CN: 服务员, en: Server}
    playbooks:
      - topic: service.speed           # or red_line: food_poisoning
        version: 1                     # raised with every change of the texts
        title: {zh-CN: …, en: …}
        steps: [{zh-CN: …, en: …}, …]  # the first hour in order; who does what by when
        standard: {zh-CN: …, en: …}    # measurable
        reply: {zh-CN: …, en: …}       # {placeholders} of domain/cases/playbook.py
        compensation:
          limits: {server: none, manager: 100 CNY}   # also: 500 points, 2000 miles
          form: {zh-CN: …, en: …}      # in which form it is given; may be left out
        question: {zh-CN: …, en: …}    # yes or no; yes means that it is solved
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import yaml

from chalicelib.domain.cases.playbook import PLACEHOLDERS, RED_LINE, Allowance, Playbook, Text, in_words
from chalicelib.understanding.frame_file import RED_LINE_KINDS
from chalicelib.understanding.marked import LOCALES, Marked

MEMBERS: Final = frozenset({"roles", "playbooks"})
MAX_PLAYBOOKS: Final = 100
MAX_ROLES: Final = 6
STEPS: Final = (3, 7)  # fewer help nobody, more are not read
_MEMBERS: Final = ("version", "title", "steps", "standard", "reply", "compensation", "question")
_LONGEST: Final = {"title": 40, "step": 160, "standard": 160, "reply": 300, "form": 100, "question": 60}
_ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")
_SUM: Final = re.compile(r"([1-9][0-9]{0,6}) ([A-Z]{3}|points|miles)")
_HOLE: Final = re.compile(r"\{([^{}]*)\}")


class PlaybookParser(Marked):
    """Reads playbooks of one file. ``series`` and ``suffix`` stand around the number of a version."""

    def __init__(self, file: str, series: str, suffix: str = "") -> None:
        super().__init__(file)
        self._series = series
        self._suffix = suffix

    def playbooks(self, root: yaml.Node, members: Mapping[str, yaml.Node]) -> Iterator[tuple[yaml.Node, Playbook]]:
        """Each with the node that names what it is for. ``members`` are those of ``root``."""
        roles = self._roles(members["roles"]) if "roles" in members else {}
        if "playbooks" not in members:
            self.fail(root, "The roles serve no playbook.")
        items = self.items(members["playbooks"])
        if len(items) > MAX_PLAYBOOKS:
            self.fail(items[MAX_PLAYBOOKS], f"Here stand at most {MAX_PLAYBOOKS} playbooks.")
        taken: set[str] = set()
        for item in items:
            place, one = self._playbook(item, roles)
            if one.id in taken:
                self.fail(place, f"There are two playbooks for {one.id}.")
            taken.add(one.id)
            yield place, one

    def _roles(self, item: yaml.Node) -> dict[str, dict[str, str]]:
        if not isinstance(item, yaml.MappingNode) or not 0 < len(item.value) <= MAX_ROLES:
            self.fail(item, f"Here stand one to {MAX_ROLES} roles with their names.")
        names = [self.text(key, 32) for key, _ in item.value]
        for (key, _), name in zip(item.value, names, strict=True):
            if not _ROLE.fullmatch(name):
                self.fail(key, "A role is one word of a-z, 0-9 and _.")
        return {name: self.names(value) for name, value in self.mapping(item, names).items()}

    def _playbook(self, item: yaml.Node, roles: Mapping[str, Text]) -> tuple[yaml.Node, Playbook]:
        members = self.mapping(item, ("topic", "red_line", *_MEMBERS))
        self.need(item, members, *_MEMBERS)
        place, playbook_id = self._id(item, members)
        limits, form = self._compensation(members["compensation"], roles)
        return place, Playbook(
            id=playbook_id,
            version=f"{self._series}-{self._version(members['version'])}{self._suffix}",
            title=self._said(members["title"], "title"),
            steps=self._steps(members["steps"]),
            standard=self._said(members["standard"], "standard"),
            reply=self._reply(members["reply"], may_offer=any(one.amount for one in limits)),
            compensation=in_words(limits, form),
            question=self._question(members["question"]),
            limits=limits,
        )

    def _id(self, item: yaml.Node, members: Mapping[str, yaml.Node]) -> tuple[yaml.Node, str]:
        if ("topic" in members) == ("red_line" in members):
            self.fail(item, "A playbook is for a topic or for a red_line.")
        if "topic" in members:
            return members["topic"], self.text(members["topic"], 64)
        return members["red_line"], RED_LINE + self.word(members["red_line"], RED_LINE_KINDS)

    def _version(self, item: yaml.Node) -> str:
        text = self.text(item)
        return text if _NUMBER.fullmatch(text) else str(self.fail(item, "A version is a whole number from 1."))

    def _said(self, item: yaml.Node, what: str) -> dict[str, str]:
        members = self.mapping(item, LOCALES)
        self.need(item, members, *LOCALES)
        # An English text takes more letters than a Chinese one that says the same.
        return {lang: self.text(members[lang], _LONGEST[what] * (2 if lang == "en" else 1)) for lang in LOCALES}

    def _steps(self, item: yaml.Node) -> tuple[dict[str, str], ...]:
        steps = tuple(self._said(step, "step") for step in self.items(item))
        fewest, most = STEPS
        if not fewest <= len(steps) <= most:
            self.fail(item, f"A playbook has {fewest} to {most} steps.")
        return steps

    def _reply(self, item: yaml.Node, *, may_offer: bool) -> dict[str, str]:
        reply = self._said(item, "reply")
        holes = {lang: _HOLE.findall(text) for lang, text in reply.items()}
        for text in reply.values():
            if set("{}") & set(_HOLE.sub("", text)):
                self.fail(item, "A brace stands alone in the reply.")
        for hole in sorted({hole for found in holes.values() for hole in found}):
            if hole not in PLACEHOLDERS:
                self.fail(item, f"There is no placeholder {hole[:40]!r}; known are {', '.join(sorted(PLACEHOLDERS))}.")
            if hole == "offer" and not may_offer:
                self.fail(item, "The reply makes an offer although nobody may give anything.")
        if len({frozenset(found) for found in holes.values()}) > 1:
            self.fail(item, "The reply leaves something else to be filled in from language to language.")
        return reply

    def _compensation(self, item: yaml.Node, roles: Mapping[str, Text]) -> tuple[tuple[Allowance, ...], Text]:
        members = self.mapping(item, ("limits", "form"))
        self.need(item, members, "limits")
        form = self._said(members["form"], "form") if "form" in members else {}
        limits = self.mapping(members["limits"], roles)
        if not limits:
            self.fail(item, "The limits name at least one role.")
        return tuple(self._allowance(role, roles[role], limit) for role, limit in limits.items()), form

    def _allowance(self, role: str, names: Text, item: yaml.Node) -> Allowance:
        text = self.text(item)
        if text == "none":
            return Allowance(role, names, 0)
        found = _SUM.fullmatch(text)
        if found is None:
            self.fail(item, "A limit is 'none', or an amount with its currency such as '100 CNY' or '500 points'.")
            raise AssertionError  # fail always raises
        return Allowance(role, names, int(found[1]), found[2])

    def _question(self, item: yaml.Node) -> dict[str, str]:
        question = self._said(item, "question")
        for lang, mark in (("zh-CN", "？"), ("en", "?")):
            if question[lang].count(mark) != 1 or not question[lang].endswith(mark):
                self.fail(item, f"The question asks one thing and ends in {mark!r}.")
        return question
