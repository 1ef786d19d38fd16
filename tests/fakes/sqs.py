"""SQS as the senders use it: messages in a list."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


@dataclass
class FakeSqs:
    sent: list[dict[str, Any]] = field(default_factory=list)
    down: bool = False

    def send_message(self, **request: Any) -> dict[str, Any]:
        if self.down:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "CANARY"}}, "SendMessage")
        self.sent.append(request)
        return {"MessageId": str(len(self.sent))}

    def bodies(self) -> list[Any]:
        return [json.loads(request["MessageBody"]) for request in self.sent]
