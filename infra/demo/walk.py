"""One case from its first word to the fix that its kind was given, over HTTP: the walk-through of the README.

A detractor at a shop; the manager's card, code and page; the OA's callback; the customer who says that nothing is
solved, and then that it is; four more like it, which make a systemic issue; and its fix, judged by what customers say.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import urlencode

from infra import client
from infra.client import Answer, Api
from infra.demo.feishu import CHAT, MANAGER, buttons, ticket_of

SHOP: Final = "SH/001"
BASELINE: Final = 14  # days before the fix, with one complaint each
SINCE: Final = 35  # days that the fix is old
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
WORDS: Final = "收到的包裹破损"
EVENTS: Final = ("ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reopened", "ticket.closed")
OFFICE: Final = """\
version: 0
triage: customer_service
units:
  SH: {{name: 上海}}
  SH/001: {{name: 上海一店, type: shop}}
people:
  li.na: {{name: 李娜, posts: ["*:logistics", "*:customer_service"], channels: {{feishu: {manager}}}}}
  wang.wei: {{name: 王伟, posts: ["*:quality"], authority: ["can_change:packaging"], key: {key}}}
"""

Wait = Callable[[str, Callable[[], Any]], Any]  # what is waited for, and what looks whether it is there


@dataclass
class Walk:
    """``desk`` is where the OA and Feishu are; ``handed`` what the demo handed over to them, see ``endpoint.json``.

    ``wait`` gives what its probe finds and raises when it takes too long. ``strike`` puts a due row of some days from
    now on the queue at once, as the sweep will: nobody waits for weeks here.
    """

    operator: Api
    desk: str
    handed: Mapping[str, Any]
    say: Callable[[str], None]
    wait: Wait
    strike: Callable[[Mapping[str, Any]], None]
    workspace: str = field(default_factory=lambda: "walk" + secrets.token_hex(4))
    pages: dict[str, str] = field(default_factory=dict)  # what may be opened in a browser
    api: Api = field(init=False)
    expert: Api = field(init=False)
    connection: Any = field(init=False)
    oa: Any = field(init=False)

    def __call__(self) -> None:
        """The whole way."""
        self.prepare()
        ticket = self.hear()
        code = self.reach_the_manager(ticket)
        self.work_on_the_page(ticket, code)
        self.call_back(ticket)
        self.ask(ticket, 1, "not_solved", "还是破的")
        self.solve_again(ticket, code)
        self.ask(ticket, 2, "solved", "")
        issue = self.recur(ticket)
        self.fix(issue)

    # --- the company ---------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """A workspace with an organisation, a source, a Feishu app and an OA."""
        self.api = self._key("admin")[0]
        self.expert, expert_key = self._key("analyst")
        document = OFFICE.format(manager=MANAGER, key=expert_key).encode()
        headers = {"authorization": f"Bearer {self.api.key}", "content-type": "application/yaml"}
        _ok(client.send("PUT", f"{self.api.base}/v1/organisation", document, headers))
        # In the quiet hours customers are asked nothing, and this may run at night.
        policy = self.api.call("GET", "/v1/contact-policy").json
        _ok(self.api.call("PUT", "/v1/contact-policy", {"version": policy["version"], "quiet": None}))
        body = {"name": "survey of the walk", "workspace": self.workspace, "source": "canonical"}
        self.connection = self.api.made("/v1/connections", body)
        app = {name: word for name, word in self.handed["feishu"].items() if name != "callback_url"}
        settings = {"receiver_type": "chat_id", "default_assignees": [CHAT]}
        self._endpoint("Feishu of the walk", "feishu_app", "/feishu", EVENTS, credentials=app, settings=settings)
        events = (*EVENTS, "verification.asked", "issue.opened")
        secret = self.handed["secret"]
        self.oa = self._endpoint("OA of the walk", "standard_webhooks", "/hook", events, secret=secret)

    def _key(self, role: str) -> tuple[Api, str]:
        made = self.operator.made("/v1/keys", {"workspace": self.workspace, "role": role})
        return Api(self.operator.base, made["key"]), made["id"]

    def _endpoint(self, name: str, connector: str, path: str, events: tuple[str, ...], **more: Any) -> Any:
        wanted = {"name": name, "workspace": self.workspace, "connector": connector, "url": self.desk + path}
        return self.api.made("/v1/endpoints", {**wanted, "events": list(events), **more})

    # --- one case -------------------------------------------------------------------------------------------------

    def hear(self) -> str:
        """A customer with 2 of 10 points; the ticket that it becomes."""
        ticket: str = self._complain(secrets.token_hex(3), days_ago=0, score=2)
        shown = self.ticket(ticket)
        self.say(
            f"  detractor / 贬损者: {shown['title']} → {shown['severity']}, {shown['owner']}, by {shown['due_at']}"
        )
        return ticket

    def _complain(self, number: str, *, days_ago: int, score: int) -> Any:
        at = datetime.now(timezone.utc) - timedelta(days=days_ago, minutes=2)
        body = {
            "type": "feedback.created",
            "id": f"W-{number}-{secrets.token_hex(4)}",
            "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "channel": "survey",
            "touchpoint": "delivery",
            "unit": SHOP,
            "lang": "zh-CN",
            "customer": {"id": f"C-{number}", "name": "王小明", "phone": "13987254361"},
            "scores": [{"kind": "nps", "value": score, "scale": [0, 10]}],
            "texts": [{"question": "原因", "text": WORDS, "speaker": "customer"}],
        }
        answer = client.canonical(body, self.connection["secret"]).post(self.connection["hook_url"])
        if score >= 7:
            return _ok(answer)
        path = f"/v1/feedback/{_ok(answer)['id']}"
        return self.wait("a ticket", lambda: (self.api.call("GET", path).json or {}).get("ticket"))

    def reach_the_manager(self, ticket: str) -> str:
        """The card in the shop's chat, and the code that the owner alone gets."""
        card = self.wait("the card", lambda: self._card(ticket))
        page = next(one["url"] for one in buttons(card) if "url" in one)
        self.pages["manager"] = page
        title = self.ticket(ticket)["title"]
        told = self.wait("the code", lambda: next((one for one in self._whispers() if title in one), None))
        code = re.search(r"[：:] ?([2-9A-Z]{10})", told)
        if code is None:
            raise RuntimeError("the message to the manager has no code")
        self.say(f"  card in the chat / 飞书群卡片: {card['header']['title']['content']}")
        self.say(f"  to the manager alone / 单独发给店长: {told}")
        return code[1]

    def _card(self, ticket: str) -> Any:
        listed = client.send("GET", f"{self.desk}/chat.json").json or []
        return next((one["card"] for one in listed if ticket_of(one["card"]) == ticket), None)

    def _whispers(self) -> list[str]:
        return [one["text"] for one in reversed(client.send("GET", f"{self.desk}/whispers.json").json or [])]

    def work_on_the_page(self, ticket: str, code: str) -> None:
        """Take it, see the phone, say that the customer was called."""
        for do in ("accept", "call", "contacted"):
            self._press(ticket, code, do)
        history = self.ticket(ticket)["history"]
        self.say("  on the page / 工单页面: " + " → ".join(f"{one['to']} ({one['actor']})" for one in history))

    def _press(self, ticket: str, code: str, do: str, **fields: str) -> None:
        version = str(self.ticket(ticket)["version"])
        form = urlencode({"do": do, "code": code, "version": version, **fields}).encode()
        answer = client.send("POST", self.pages["manager"], form, FORM)
        if answer.status != 200:
            raise RuntimeError(f"{do} on the page answered {answer.status}")

    def call_back(self, ticket: str) -> None:
        """The OA says that it is done."""
        data = {
            "ticket_id": ticket,
            "external_id": "OA-1",
            "status": "resolved",
            "root_cause": "外包装强度不足",
            "action": "补发",
            "actor": "desk",
            "occurred_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        body = {"type": "ticket.status_changed", "data": data}
        _ok(client.canonical(body, self.oa["secret"]).post(self.oa["callback_url"]))
        self.say("  the OA's signed callback / OA 回调: resolved")

    def ask(self, ticket: str, number: int, answer: str, words: str) -> None:
        """The question reaches the OA, which puts it to the customer; they answer on their page."""
        asked = self.wait(f"question {number}", lambda: self._question(ticket, number))
        self.pages["customer"] = asked["url"]
        form = urlencode({"answer": answer, "words": words}).encode()
        if client.send("POST", asked["url"], form, FORM).status != 200:
            raise RuntimeError("the customer's page took no answer")
        shown = self.ticket(ticket)
        self.say(f"  {asked['question']} → {answer} → {shown['state']}, {shown['verification']} / 效果验收")

    def _question(self, ticket: str, number: int) -> Any:
        listed = client.send("GET", f"{self.desk}/tickets.json").json or []
        mine: list[Any] = next((one.get("questions", []) for one in listed if one["id"] == ticket), [])
        return mine[number - 1] if len(mine) >= number else None

    def solve_again(self, ticket: str, code: str) -> None:
        """The manager takes the reopened case up, and resolves it on the page."""
        self._press(ticket, code, "contacted")
        self._press(ticket, code, "resolve", root_cause="外包装强度不足", action="换加固箱，当天补发")
        self.say("  reopened, taken up and resolved on the page / 重新打开后再次解决")

    # --- what is behind it ----------------------------------------------------------------------------------------

    def recur(self, ticket: str) -> str:
        """Who told of it in the weeks before, and four more now: one L2 issue with all five tickets.

        One after the other: many at once would start as many functions, which takes longer.
        """
        for day in range(SINCE + 1, SINCE + 1 + BASELINE):
            self._complain(f"b{day}", days_ago=day, score=10)
        tickets = {ticket, *(self._complain(f"r{number}", days_ago=0, score=2) for number in range(4))}

        def linked() -> Any:
            for one in self.api.call("GET", "/v1/issues").json["items"]:
                whole = self.issue(one["id"])
                if tickets <= {case["id"] for case in whole["cases"]}:
                    return whole
            return None

        issue = self.wait("the issue", linked)
        self.say(f"  {len(tickets)} of a kind / 同类反馈 → {issue['level']} issue {issue['id']}: {issue['title']}")
        return str(issue["id"])

    def fix(self, issue: str) -> None:
        """Defined, accepted by somebody with a say, fixed on a date; five weeks without a complaint accept it."""
        on = datetime.now(timezone(timedelta(hours=8))).date() - timedelta(days=SINCE)
        counted = [(on + timedelta(days=number)).isoformat() for number in range(-BASELINE - 3, SINCE)]
        items = [{"unit": SHOP, "day": day, "count": 400} for day in counted]
        _ok(self.api.call("PUT", "/v1/exposure", {"items": items}))
        defined = {
            "version": self.issue(issue)["version"],
            "definition": "外箱在干线运输中破损",
            "owner": "wang.wei",
            "process": "packaging",
            "plan": "更换五层加固箱",
            "analyst": "wang.wei",
        }
        _ok(self.expert.call("PATCH", f"/v1/issues/{issue}", defined))
        for state in ("open", "accepted", "studying", "fixing"):
            if self.issue(issue)["state"] != state:
                body = {"to": state, "version": self.issue(issue)["version"]}
                _ok(self.expert.call("POST", f"/v1/issues/{issue}/transitions", body))
        claim = {"on": on.isoformat(), "expected": 0.9, "baseline_days": BASELINE, "units": [SHOP], "controls": []}
        body = {**claim, "version": self.issue(issue)["version"]}
        _ok(self.expert.call("POST", f"/v1/issues/{issue}/fixed", body))
        path = f"/v1/issues/{issue}/effect"
        self.wait("all complaints counted", lambda: self._before(path) == BASELINE)
        message = {"kind": "effect", "issue": issue, "reopened": 0, "workspace": self.workspace}
        self.strike(message)
        self.wait("the verdict", lambda: self.issue(issue)["state"] == "closed")
        effect = self.api.call("GET", path).json
        before, after = effect["before"]["complaints"], effect["after"]["complaints"]
        self.say(f"  fix of {on} / 整改验收: {before} → {after} complaints, {effect['verdict']}, issue closed")

    def _before(self, path: str) -> int:
        complaints: int = self.api.call("GET", path).json["before"]["complaints"]
        return complaints

    def ticket(self, ticket: str) -> Any:
        return self.api.call("GET", f"/v1/tickets/{ticket}").json

    def issue(self, issue: str) -> Any:
        return self.api.call("GET", f"/v1/issues/{issue}").json


def _ok(answer: Answer) -> Any:
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"answered {answer.status}: {answer.json}")
    return answer.json
