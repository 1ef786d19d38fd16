"""What the API shows about contacting customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from chalicelib.domain.contact.followup import Followup
from chalicelib.domain.contact.opt_out import OptOut
from chalicelib.domain.contact.policy import Answer, Ask, ContactPolicy, Skip, Verdict, said
from chalicelib.lambdas.api.shows import Json, moment
from chalicelib.services.contact.can_contact import Claimed, Person


def policy(workspace: str, one: ContactPolicy) -> Json:
    shown: Json = {"workspace": workspace, **asdict(one)}
    if one.quiet is not None:
        hours = one.quiet.hours
        shown["quiet"] = {
            "from": hours.begins,
            "to": hours.ends,
            "time_zone": one.quiet.time_zone,
            "purposes": one.quiet.purposes,
        }
    return shown


def answer(workspace: str, person: Person, ask: Ask, one: Answer) -> Json:
    return {
        "workspace": workspace,
        "customers": list(person),
        "purpose": ask.purpose,
        "channel": ask.channel,
        "allowed": one.allowed,
        "next_at": _moment(one.next_at),
        "policy": one.policy,
        "rules": [_verdict(verdict) for verdict in one.verdicts],
    }


def claimed(workspace: str, ask: Ask, claim: str, one: Claimed) -> Json:
    return {**answer(workspace, one.person, ask, one.answer), "claim": claim, "again": one.again}


def skip(one: Skip) -> Json:
    return {
        "at": moment(one.at),
        "claim": one.claim,
        "customer": one.person,
        "purpose": one.purpose,
        "channel": one.channel,
        "reasons": list(one.reasons),
        "next_at": _moment(one.next_at),
    }


def opt_outs(person: Person, found: Sequence[OptOut]) -> Json:
    lines = [{"channel": one.channel, "out": one.out, "at": moment(one.at), "how": one.how} for one in found]
    return {"customers": list(person), "channels": lines}


def followup(one: Followup) -> Json:
    moments = {name: _moment(getattr(one, name)) for name in ("at", "next_at", "closed_at")}
    return {**asdict(one), **moments}


def _verdict(one: Verdict) -> Json:
    return {
        "rule": one.rule,
        "passed": one.passed,
        "code": one.code,
        "text": {lang: said(one, lang) for lang in ("zh-CN", "en")},
        "given": dict(one.given),
        "next_at": _moment(one.next_at),
    }


def _moment(at: datetime | None) -> str | None:
    return moment(at) if at else None
