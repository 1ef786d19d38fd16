"""Causes as YAML → values. Whatever is wrong is refused with file, line and what would be right.

::

    pack: catering
    causes:
      backlog:                                   # an id for ever: closed tickets keep it
        {zh-CN: 出餐积压, en: Kitchen backlog, department: kitchen, terms: [后厨忙不过来, kitchen overloaded]}
    topics:
      service.speed: {backlog: 5, understaffed: 3}  # weights: how likely each is, by the trade's experience
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

import yaml

from chalicelib.domain.cases.graph import Cause, Causes, Weighed, called, is_clause
from chalicelib.understanding.marked import LOCALES, Marked

OF_TOPIC: Final = (3, 6)  # fewer are no choice, more are not read
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WEIGHT: Final = re.compile(r"[1-9]")
_LONGEST: Final = {"zh-CN": 20, "en": 60}


class CauseParser(Marked):
    """Reads the causes of one pack. ``departments``: those that somebody is answerable for by the pack's frame."""

    def causes(self, root: yaml.Node, pack: str, topics: Collection[str], departments: Collection[str]) -> Causes:
        members = self.mapping(root, ("pack", "causes", "topics"))
        self.need(root, members, "pack", "causes", "topics")
        if self.text(members["pack"]) != pack:
            self.fail(members["pack"], f"The file is called {pack}.")
        by_id = {name: self._cause(name, item, departments) for name, item in self._named(members["causes"], _ID)}
        lists: dict[str, tuple[Weighed, ...]] = {}
        for topic, item in self._named(members["topics"]):
            if topic not in topics:
                self.fail(item, f"The topic {topic[:64]!r} is unknown.")
            lists[topic] = self._listed(item, by_id)
        unused = set(by_id) - {one.cause for listed in lists.values() for one in listed}
        if unused:
            self.fail(members["causes"], f"No topic has the cause {min(unused)}.")
        return Causes(by_id, lists)

    def _named(self, item: yaml.Node, shape: re.Pattern[str] | None = None) -> list[tuple[str, yaml.Node]]:
        """The members of a mapping whose names are not known beforehand, in order."""
        if not isinstance(item, yaml.MappingNode) or not item.value:
            self.fail(item, "Here stands a mapping of at least one.")
        names = [self.text(key, 64) for key, _ in item.value]
        for (key, _), name in zip(item.value, names, strict=True):
            if shape is not None and not shape.fullmatch(name):
                self.fail(key, "An id is one word of a-z, 0-9 and _.")
        return list(self.mapping(item, names).items())

    def _cause(self, name: str, item: yaml.Node, departments: Collection[str]) -> Cause:
        members = self.mapping(item, (*LOCALES, "department", "terms"))
        self.need(item, members, *LOCALES, "department")
        department = self.text(members["department"])
        if department not in departments:
            self.fail(members["department"], f"Nobody is answerable for {department[:40]!r} in this pack.")
        names = {lang: self.text(members[lang], _LONGEST[lang]) for lang in LOCALES}
        terms = tuple(self.text(term, 60) for term in self.items(members["terms"])) if "terms" in members else ()
        if not all(is_clause(words) for words in (*names.values(), *terms)):
            self.fail(item, "A name or term is one clause: nobody would be found to have said it.")
        return Cause(name, names, department, terms)

    def _listed(self, item: yaml.Node, by_id: Mapping[str, Cause]) -> tuple[Weighed, ...]:
        found = []
        words: dict[str, str] = {}
        for name, weight in self._named(item):
            if name not in by_id:
                self.fail(weight, f"There is no cause {name[:40]!r}.")
            text = self.text(weight)
            if not _WEIGHT.fullmatch(text):
                self.fail(weight, "A weight is a whole number from 1 to 9.")
            for word in called(by_id[name]):
                if words.setdefault(word, name) != name:
                    self.fail(weight, f"{name} and {words[word]} are both called {word!r}.")
            found.append(Weighed(name, int(text)))
        fewest, most = OF_TOPIC
        if not fewest <= len(found) <= most:
            self.fail(item, f"A topic has {fewest} to {most} causes.")
        return tuple(found)
