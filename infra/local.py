"""The stack on the local engine: up, down, status. ``python -m infra.local up`` is what ``make up`` calls.

The template and the code are those of a deployment; only the endpoint and a few parameters differ. What the engine
does not do by itself (see infra/decisions) is done here: time to live, recovery, warming, draining.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from infra import build, deploy
from infra.engine import ACCESS_KEY, REGION, SECRET_KEY, Engine, EngineError

LOCAL: Final = build.ROOT / ".local"
DEFAULT_PORT: Final = 4700
STAGE: Final = "local"
WORKSPACE: Final = "demo"
API_STAGE: Final = "api"
QUEUES: Final = (
    "inbox",
    "tickets",
    "callbacks",
    "cases",
    "alerts",
    "deliveries",
    "rollups",
    "readings",
    "fetches",
    "uploads",
)
_QUIET_SECONDS: Final = 1.5
_DRAIN_SECONDS: Final = 45
_PARAMETERS: Final = {"Engine": "local", "EgressCidrs": "127.0.0.0/8", "ReadingDelaySeconds": "2"}


@dataclass
class Stack:
    """One local stack. ``home`` holds its state; ``facts`` is what stack.json says, once it is up."""

    port: int = DEFAULT_PORT
    home: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.home or LOCAL / str(self.port)
        self.engine = Engine(self.port, self.home)
        if not self.facts and self.file.exists():
            self.facts = json.loads(self.file.read_text())

    @property
    def file(self) -> Path:
        """Where ``facts`` are kept; the default stack's is copied to .local/stack.json."""
        return self.engine.home / "stack.json"

    @property
    def api_url(self) -> str:
        return str(self.facts["api_url"])

    @property
    def admin_key(self) -> str:
        return str(self.facts["admin_key"])

    def clients(self, service: str) -> Any:
        """A boto3 client of the engine's root user."""
        return self._session.client(service, endpoint_url=self.engine.url, config=_CLIENT)

    @cached_property
    def _session(self) -> Any:
        return boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)

    def worker_pids(self, function: str = "") -> list[int]:
        """Processes of the running functions, for tests that kill them."""
        return self.engine.worker_pids(function)

    # --- up ---------------------------------------------------------------------------------------------------

    def up(self, **parameters: str) -> dict[str, Any]:
        """Bring the stack up, or up to date; ``parameters`` are the template's. Returns ``facts``."""
        package = build.build(build.local_target(), self.engine.home / "build")
        if self.engine.pid() is None:
            self.engine.start()
        api_id = _api_id(package.document())
        url = f"{self.engine.url}/_aws/execute-api/{api_id}/{API_STAGE}"
        wanted = {**_PARAMETERS, "PublicUrl": url, **parameters}
        told = deploy.deploy(self.clients, package, STAGE, wanted, tags={"ms-custom-id": api_id}, look_every=0.2)
        self._mend_table(told["TableName"])
        self._mend_api(api_id, package.document())
        self.facts = self._describe(told, url, self._admin_key(told["TableName"]))
        self._write()
        self._warm(package.document())
        return self.facts

    def _admin_key(self, table: str) -> str:
        """A new one for an empty table; the one of the last ``up``; a second one when that is not known any more."""
        first = deploy.first_admin_key(self.clients, table, WORKSPACE)
        known = self.facts.get("admin_key")
        return first or known or deploy.new_admin_key(self.clients, table, WORKSPACE)

    def _mend_table(self, table: str) -> None:
        """The engine ignores these two in a template, and knows them as calls."""
        dynamodb = self.clients("dynamodb")
        if dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
            ttl = {"Enabled": True, "AttributeName": "expires_at"}
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=ttl)
        recovery = {"PointInTimeRecoveryEnabled": True}
        dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)

    def _mend_api(self, api_id: str, document: dict[str, Any]) -> None:
        """The engine ignores what a template has the gateway itself say, and knows it as calls; a deployment takes the
        answers of its moment.
        """
        gateway = self.clients("apigateway")
        answers = document["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]
        for name, answer in answers.items():
            fields = answer["ResponseParameters"]["Headers"].items()
            gateway.put_gateway_response(
                restApiId=api_id,
                responseType=name,
                statusCode=str(answer["StatusCode"]),
                responseParameters={f"gatewayresponse.header.{field}": value for field, value in fields},
                responseTemplates=answer["ResponseTemplates"],
            )
        gateway.create_deployment(restApiId=api_id, stageName=API_STAGE)

    def _warm(self, document: dict[str, Any]) -> None:
        """Call every function once with nothing to do, so that the first voice meets no cold start."""
        client = self.clients("lambda")  # one for all: making clients in threads is not safe
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: _invoke(client, name), functions(document)))

    def _describe(self, told: dict[str, str], url: str, key: str) -> dict[str, Any]:
        return {
            "api_url": url,
            "admin_key": key,
            "workspace": WORKSPACE,
            "port": self.port,
            "aws": {
                "endpoint_url": self.engine.url,
                "region": REGION,
                "access_key_id": ACCESS_KEY,
                "secret_access_key": SECRET_KEY,
            },
            "table": told["TableName"],
            "bus": told["BusName"],
            "queues": {name: told[f"{name.title()}Url"] for name in QUEUES},
        }

    def _write(self) -> None:
        text = json.dumps(self.facts, indent=2)
        self.file.write_text(text)
        if self._is_default:
            (LOCAL / "stack.json").write_text(text)

    @property
    def _is_default(self) -> bool:
        return self.engine.home == LOCAL / str(DEFAULT_PORT)

    # --- down -------------------------------------------------------------------------------------------------

    def down(self) -> bool:
        """Drain, stop, clean up; the state stays for the next ``up``. False when something was still under way."""
        drained = self.engine.pid() is None or self.drain()
        self.engine.stop()
        if self._is_default:
            (LOCAL / "stack.json").unlink(missing_ok=True)
        return drained

    def drain(self, seconds: float = _DRAIN_SECONDS) -> bool:
        """Wait until no queue has work and the outbox is quiet. What is delayed to later is kept over a stop."""
        until = time.monotonic() + seconds
        quiet_since = time.monotonic()
        while time.monotonic() < until:
            if self._busy():
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= _QUIET_SECONDS:
                return True
            time.sleep(0.2)
        return False

    def _busy(self) -> bool:
        sqs, names = self.clients("sqs"), ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        for url in self.facts.get("queues", {}).values():
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            if any(int(count) for count in counts.values()):
                return True
        log = f"/aws/lambda/{deploy.stack_name(STAGE)}-outbox"
        since = int((time.time() - _QUIET_SECONDS) * 1000)
        return bool(self.clients("logs").filter_log_events(logGroupName=log, startTime=since)["events"])

    def remove(self) -> None:
        """Stop without draining and forget everything."""
        self.engine.stop()
        shutil.rmtree(self.engine.home, ignore_errors=True)


_CLIENT: Final = Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=32)


def functions(document: dict[str, Any]) -> list[str]:
    """Short names of all functions, such as ``enrich``."""
    found = [resource for resource in document["Resources"].values() if resource["Type"] == "AWS::Serverless::Function"]
    names = [resource["Properties"]["FunctionName"]["Fn::Sub"] for resource in found]
    return sorted(name.removeprefix("${AWS::StackName}-") for name in names)


def _invoke(client: Any, name: str) -> None:
    payload = {"api": _health_request, "sweep": _tick}.get(name, lambda: {"Records": []})()
    function = f"{deploy.stack_name(STAGE)}-{name}"
    answer = client.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
    if "FunctionError" in answer:
        raise EngineError(f"function {name} does not start: {answer['Payload'].read().decode()[:2000]}")


def _api_id(document: dict[str, Any]) -> str:
    """The engine takes the API's id from a tag. It follows from the routes: the engine replaces an API whose routes
    change and cannot give the new one the old one's id.
    """
    routes = json.dumps(document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"], sort_keys=True)
    return "el" + hashlib.sha256(routes.encode()).hexdigest()[:8]


def _health_request() -> dict[str, Any]:
    """What API Gateway sends for GET /v1/health."""
    return {
        "resource": "/v1/health",
        "path": "/v1/health",
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourcePath": "/v1/health", "httpMethod": "GET", "path": "/api/v1/health"},
        "body": None,
        "isBase64Encoded": False,
    }


def _tick() -> dict[str, Any]:
    """What EventBridge sends for the schedule."""
    return {
        "version": "0",
        "id": "warm",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [],
        "detail": {},
    }


def own_port() -> int:
    """ECHOLOOP_PORT, else the default."""
    return int(os.environ.get("ECHOLOOP_PORT", str(DEFAULT_PORT)))


def _up(stack: Stack) -> int:
    began = time.monotonic()
    given = os.environ.get("ECHOLOOP_EGRESS_CIDRS")
    stack.up(**({} if given is None else {"EgressCidrs": given}))
    print(f"up in {time.monotonic() - began:.1f} s: {stack.api_url}")
    print(f"{os.path.relpath(stack.file)} has the address and the admin key; make down stops it")
    return 0


def _down(stack: Stack) -> int:
    if not stack.down():
        print("stopped with work under way; it goes on with the next make up", file=sys.stderr)
    else:
        print("down; the state is kept")
    return 0


def _status(stack: Stack) -> int:
    running = stack.engine.pid() is not None and stack.engine.answers()
    print(f"port {stack.port}: {'up, ' + stack.api_url if running and stack.facts else 'down'}")
    return 0 if running else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("up", "down", "status"))
    options = parser.parse_args()
    command = {"up": _up, "down": _down, "status": _status}[options.command]
    try:
        return command(Stack(own_port()))
    except (EngineError, deploy.DeployError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
