"""SSM as the secret stores use it: SecureStrings in a dictionary, every call remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


@dataclass
class FakeSsm:
    values: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False

    def get_parameter(self, **request: Any) -> dict[str, Any]:
        assert request["WithDecryption"], "a SecureString read without decryption is of no use"
        name = self._called("GetParameter", request)
        if name not in self.values:
            raise _error("ParameterNotFound", "GetParameter")
        return {"Parameter": {"Name": name, "Value": self.values[name]}}

    def put_parameter(self, **request: Any) -> None:
        assert (request["Type"], request["Overwrite"], request["KeyId"]) == ("SecureString", True, "alias/test")
        self.values[self._called("PutParameter", request)] = request["Value"]

    def delete_parameter(self, **request: Any) -> None:
        name = self._called("DeleteParameter", request)
        if name not in self.values:
            raise _error("ParameterNotFound", "DeleteParameter")
        del self.values[name]

    def _called(self, action: str, request: dict[str, Any]) -> str:
        name = str(request["Name"])
        self.calls.append((action, name))
        if self.down:
            raise _error("InternalServerError", action)
        return name

    def reads(self) -> int:
        return sum(action == "GetParameter" for action, _ in self.calls)


def _error(code: str, action: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "CANARY the text of an error"}}, action)
