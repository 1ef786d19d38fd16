"""Process start to first hook answered, against a bare Chalice route that sends one SQS message.

Both run from the same unpacked package, so the ratio is of what Echoloop adds and not of how botocore is pruned.
Rounds are interleaved; the medians' ratio is printed.
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra import build, client
from infra.engine import REGION
from infra.local import Stack

ROUNDS = 9
DISCARDED = 2

_RUN = "import json,sys,app; r=app.app(json.load(open(sys.argv[1])),None); assert r['statusCode']<300, r"

_BARE = """
import os
import botocore.session
from chalice import Chalice, Response
app = Chalice(app_name="bare")
sqs = botocore.session.get_session().create_client("sqs")
@app.route("/hook", methods=["POST"], content_types=["*/*"])
def hook():
    sqs.send_message(QueueUrl=os.environ["INBOX_URL"], MessageBody=app.current_request.raw_body.decode())
    return Response(status_code=202, body="{}")
"""


def gateway_event(resource: str, path: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A proxy event of API Gateway."""
    return {
        "resource": resource,
        "path": resource,
        "httpMethod": "POST",
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(path),
        "stageVariables": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": resource, "path": "/api" + resource, "identity": {}},
        "body": base64.b64encode(body).decode("ascii"),
        "isBase64Encoded": True,
    }


def report(stack: Stack, connection: dict[str, Any], voice: Callable[[int], dict[str, Any]]) -> None:
    """Print both medians' ratio, without and with byte code."""
    for byte_code in (False, True):
        ours, bare = measure(stack, connection, voice, byte_code=byte_code)
        shipped = "with" if byte_code else "without"
        print(
            f"\nprocess start to first hook answered, {shipped} byte code: {ours / bare:.2f}x a bare Chalice route"
            f" ({ours * 1000:.0f} against {bare * 1000:.0f} ms on this machine)"
        )


def measure(
    stack: Stack, connection: dict[str, Any], voice: Callable[[int], dict[str, Any]], *, byte_code: bool
) -> tuple[float, float]:
    """Median seconds of ours and of the bare route."""
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = Path(folder, "ours"), Path(folder, "bare")
        package = build.build(build.local_target(byte_code=byte_code), Path(folder, "out"))
        for place in (ours, bare):
            with zipfile.ZipFile(package.code) as archive:
                archive.extractall(place)
        for compiled in (*bare.glob("app.*"), *bare.glob("__pycache__/app.*")):
            compiled.unlink()
        (bare / "app.py").write_text(_BARE)
        body = client.canonical(voice(10**6), connection["secret"])
        hook, token = connection["hook_url"].rsplit("/", 2)[1:]
        resource = "/v1/hooks/{connection}/{token}"
        event = gateway_event(resource, {"connection": hook, "token": token}, body.headers, body.body)
        (ours / "event.json").write_text(json.dumps(event))
        (bare / "event.json").write_text(json.dumps(gateway_event("/hook", {}, body.headers, body.body)))
        spent: dict[Path, list[float]] = {ours: [], bare: []}
        for _ in range(ROUNDS + DISCARDED):
            for place, times in spent.items():
                times.append(_once(stack, place))
        return tuple(statistics.median(times[DISCARDED:]) for times in spent.values())  # type: ignore[return-value]


def _once(stack: Stack, place: Path) -> float:
    """One fresh process that sees nothing but the package, as on Lambda's read-only disk."""
    functions = stack.clients("lambda").list_functions()["Functions"]
    api = next(one for one in functions if one["Handler"] == "app.app")
    environment = {
        **api["Environment"]["Variables"],
        "PATH": os.defpath,
        "PYTHONPATH": str(place),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_ENDPOINT_URL": stack.engine.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-S", "-c", _RUN, "event.json"], cwd=place, env=environment, check=True, capture_output=True
    )
    return time.perf_counter() - began
