"""Who speaks in the demo: survey platforms, a hotline, a file. Each proves itself in its own way.

What they say is written by hand in ``platforms/``, ``later/``, ``reviews.csv`` and ``voices.jsonl``; only ids and days
are filled in, so that every run says something new.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from infra import client
from infra.client import Api, Signed

HERE: Final = Path(__file__).parent
UPLOAD: Final = "reviews.csv"

# What a company sets up for each source, beside its name.
SOURCES: Final[Mapping[str, Mapping[str, Any]]] = {
    "canonical": {},
    "typeform": {},
    "jinshuju": {
        "mapping": {
            "response_id": "/entry/serial_number",
            "revision_at": "/entry/updated_at",
            "occurred_at": "/entry/created_at",
            "customer": {"id": "/entry/x_field_1", "phone": "/entry/field_6"},
            "unit": "/entry/field_7",
            "touchpoint": {"const": "after_sales"},
            "scores": [{"path": "/entry/field_1", "kind": "nps", "scale": [0, 10]}],
            "texts": [{"path": "/entry/field_3", "question": "原因"}],
        }
    },
    "jiandaoyun": {
        "mapping": {
            "response_id": "/data/_id",
            "revision_at": "/data/updateTime",
            "occurred_at": "/data/createTime",
            "customer": {"id": "/data/_widget_customer"},
            "unit": "/data/_widget_unit",
            "touchpoint": {"const": "installation"},
            "scores": [{"path": "/data/_widget_score", "kind": "csat", "scale": [1, 5]}],
            "texts": [{"path": "/data/_widget_words", "question": "意见"}],
        }
    },
    "wenjuanxing": {
        "mapping": {
            "unit": {"const": "SH/001"},
            "touchpoint": {"const": "after_sales"},
            "scores": [{"path": "/q1", "kind": "csat", "scale": [1, 5]}],
            "texts": [{"path": "/q2", "question": "哪里不满意"}],
            "attributes": {"topics": "/q3"},
        },
        "settings": {"options": {"q3": ["维修", "客服", "上门时间"]}},
    },
    "tencent_survey": {
        "mapping": {
            "unit": {"const": "HZ/001"},
            "touchpoint": {"const": "dine_in"},
            "fields": {"q-1-score": {"kind": "csat", "scale": [1, 5]}},
        }
    },
    "howxm": {"mapping": {"unit": {"const": "SH/001"}}},
    "tally": {"mapping": {"fields": {"question_nps": {"kind": "nps"}}}},
    "transcript": {},
    "csv": {
        "mapping": {
            "response_id": "/编号",
            "occurred_at": "/时间",
            "unit": "/门店",
            "channel": {"const": "review"},
            "scores": [{"path": "/推荐分", "kind": "nps"}],
            "texts": [{"path": "/原因", "question": "原因"}],
        }
    },
}
VENDORS_KEY: Final = ("wenjuanxing",)  # where the platform makes the key, it is given to us


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the demo: its number, which is new each time, and when it began."""

    number: str
    now: datetime

    def filled(self, value: Any) -> Any:
        """``value`` with this run's number and the day before it: all moments of the files are of that day."""
        if isinstance(value, dict):
            return {name: self.filled(entry) for name, entry in value.items()}
        if isinstance(value, list):
            return [self.filled(entry) for entry in value]
        if value == "@number@":
            return int(self.number)
        return self.text(value) if isinstance(value, str) else value

    def text(self, value: str) -> str:
        yesterday = (self.now - timedelta(days=1)).date().isoformat()
        return value.replace("@run@", self.number).replace("@day@", yesterday)

    def body(self, source: str, folder: str = "platforms") -> Any:
        """What a platform sends in this run."""
        return self.filled(json.loads((HERE / folder / f"{source}.json").read_text("utf-8")))


def connect(api: Api, workspace: str) -> dict[str, Any]:
    """A connection for every source: its answer, with the secret, by the source's name."""
    made = {}
    for source, wanted in SOURCES.items():
        key = {"secret": secrets.token_hex(16)} if source in VENDORS_KEY else {}
        whole = {"name": f"demo {source}", "workspace": workspace, "source": source, **wanted, **key}
        made[source] = {**api.made("/v1/connections", whole), **key}
    return made


def voices(made: Mapping[str, Any], run: Run) -> Iterable[tuple[str, Signed]]:
    """Every voice of the demo as its platform sends it: (hook URL, webhook)."""
    for line in (HERE / "voices.jsonl").read_text("utf-8").splitlines():
        voice = json.loads(line)
        occurred = run.now - timedelta(minutes=voice["minutes_ago"])
        body = {**voice["body"], "occurred_at": occurred.isoformat(timespec="seconds").replace("+00:00", "Z")}
        body["id"] = f"{run.number}-{body['id']}"
        yield made["canonical"]["hook_url"], client.canonical(body, made["canonical"]["secret"])
    for file in sorted((HERE / "platforms").glob("*.json")):
        yield made[file.stem]["hook_url"], proved(file.stem, run.body(file.stem), made[file.stem])


def proved(source: str, body: Any, connection: Mapping[str, Any]) -> Signed:
    """The body with the proof that this platform gives."""
    secret = str(connection.get("secret"))
    signers = {
        "typeform": client.typeform,
        "jiandaoyun": client.jiandaoyun,
        "wenjuanxing": client.wenjuanxing,
        "tally": client.tally,
        "transcript": client.canonical,
    }
    if source in signers:
        return signers[source](body, secret)
    return client.jinshuju(body) if source == "jinshuju" else client.unsigned(body)


def upload(api: Api, workspace: str, connection: Mapping[str, Any], run: Run) -> str:
    """Put the file where the connection wants it, saved as spreadsheets in China are (GB18030); the upload's path."""
    raw = run.text((HERE / UPLOAD).read_text("utf-8")).encode("gb18030")
    uploads = f"/v1/connections/{connection['id']}/uploads"
    place = api.made(uploads, {"workspace": workspace, "filename": UPLOAD, "bytes": len(raw)})
    answer = client.send("PUT", place["upload_url"], raw, place["headers"])
    if answer.status != 200:
        raise RuntimeError(f"PUT of the file answered {answer.status}")
    return f"{uploads}/{place['id']}"
