"""The template against the code that it carries: settings, indexes, events, grants; and against what people read."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pynamodb.models import Model

import chalicelib.storage
from chalicelib import config
from chalicelib.domain.vocabulary import SEVERITIES
from chalicelib.services.issues.count_complaints import A_BATCH
from infra import botocore_data, build
from infra.build import Package
from infra.checks.template import FUNCTION, Template

ROOT = Path(__file__).parents[2]
RUN_BOOK = (ROOT / "infra" / "README.md").read_text("utf-8")
# Grants of the mappings and of the log: the service acts with the function's role, no client of ours calls.
NOT_CALLED = {"logs:CreateLogStream", "logs:PutLogEvents"}
NOT_CALLED |= {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
NOT_CALLED |= {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}


def text(node: Any) -> str:
    return str(node["Fn::Sub"]) if isinstance(node, dict) else str(node)


class Asked(dict[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


def test_functions_are_given_exactly_the_settings_that_config_reads(packaged: dict[str, Any]) -> None:
    asked = Asked()
    config.load(asked)
    given = {
        name
        for _, properties in Template(packaged).of_type(FUNCTION)
        for name in properties["Environment"]["Variables"]
        if not name.startswith("POWERTOOLS_")
    }
    assert given == asked.names - {"AWS_ENDPOINT_URL"}


def test_every_parameter_is_used(packaged: dict[str, Any]) -> None:
    body = json.dumps([packaged["Conditions"], packaged["Resources"], packaged["Outputs"]])
    unused = [name for name in packaged["Parameters"] if f'"Ref": "{name}"' not in body and f"${{{name}}}" not in body]
    assert unused == []


def models() -> Iterator[type[Model]]:
    """Every row class."""
    for module in pkgutil.walk_packages(chalicelib.storage.__path__, "chalicelib.storage."):
        found = importlib.import_module(module.name)
        yield from (value for value in vars(found).values() if isinstance(value, type) and issubclass(value, Model))


def shape(keys: list[dict[str, str]], projection: Mapping[str, Any]) -> tuple[list[str], set[str]]:
    """Key attributes in order, and what an index carries besides."""
    return [key["AttributeName"] for key in keys], set(projection.get("NonKeyAttributes", ()))


def test_the_indexes_are_those_that_the_rows_declare(packaged: dict[str, Any]) -> None:
    wanted: dict[str, tuple[list[str], set[str]]] = {}
    for model in models():
        for index in model._get_schema()["global_secondary_indexes"]:
            keys, carried = shape(index["key_schema"], index["projection"])
            assert wanted.setdefault(index["index_name"], (keys, set()))[0] == keys
            wanted[index["index_name"]][1].update(carried)
    table = packaged["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"]
    assert {index["IndexName"]: shape(index["KeySchema"], index["Projection"]) for index in table} == wanted


def test_a_topic_stands_for_every_severity_and_way(packaged: dict[str, Any]) -> None:
    names = {text(topic["TopicName"]) for _, topic in Template(packaged).of_type("AWS::SNS::Topic")}
    wanted = {f"{severity}-{way}" for severity in SEVERITIES for way in ("email", "sms")} | {"ops"}
    assert names == {f"${{AWS::StackName}}-{name}" for name in wanted}


def granted(packaged: Mapping[str, Any]) -> set[str]:
    """Every action that some role allows."""
    return {
        action
        for _, role in Template(packaged).of_type("AWS::IAM::Role")
        for policy in role.get("Policies", ())
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }


def test_the_package_can_make_the_calls_that_are_granted_and_no_others(packaged: dict[str, Any]) -> None:
    carried = {
        f"{service}:{call}"
        for service, calls in botocore_data.OPERATIONS.items()
        for call in calls
        if "Transact" not in call and call != "SendMessageBatch"  # IAM knows its parts
    }
    assert carried == granted(packaged) - NOT_CALLED - {"dynamodb:ConditionCheckItem"}


def test_every_function_has_the_policy_of_its_name(packaged: dict[str, Any]) -> None:
    configured = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["echoloop"]["lambda_functions"]
    files = {name: Path(settings["iam_policy_file"]).name for name, settings in configured.items()}
    assert files == {name: f"{name.removesuffix('_handler')}.json" for name in files}
    assert {path.name for path in (ROOT / "infra" / "policies").glob("*.json")} == set(files.values())
    assert len(files) == len(list(Template(packaged).of_type(FUNCTION)))


def test_a_batch_of_cases_has_time_beside_what_it_counts(packaged: dict[str, Any]) -> None:
    timeout = packaged["Resources"]["Case"]["Properties"]["Timeout"]
    assert timeout >= A_BATCH + 7, "one unit more, and nine messages that are followed"


def test_the_stream_filter_lets_through_what_the_outbox_tells_of(packaged: dict[str, Any]) -> None:
    from chalicelib.storage import images
    from chalicelib.storage.voice import feedback_rows

    (event,) = packaged["Resources"]["Outbox"]["Properties"]["Events"].values()
    patterns = [json.loads(one["Pattern"]) for one in event["Properties"]["FilterCriteria"]["Filters"]]
    kinds = [("FB#", feedback_rows.FEEDBACK), *((pk, sk) for pk, sk, _ in images._KINDS)]
    for pk, sk in kinds:
        passing = [pattern for pattern in patterns if _passes(pattern["dynamodb"]["Keys"], {"pk": pk, "sk": sk})]
        assert passing, f"rows {pk}… {sk}… never reach the outbox"
    assert not any(_passes(pattern["dynamodb"]["Keys"], {"pk": "BK#a", "sk": "2026"}) for pattern in patterns)


def _passes(wanted: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
    """A Lambda filter over the two keys: a list is an or, ``{"prefix": …}`` a beginning."""
    return all(
        any(keys[name].startswith(one["prefix"]) if isinstance(one, dict) else keys[name] == one for one in rule["S"])
        for name, rule in wanted.items()
    )


# --- people --------------------------------------------------------------------------------------------------------


def alarms(packaged: Mapping[str, Any]) -> dict[str, str]:
    """Name without the stack's → description."""
    return {
        text(alarm["AlarmName"]).removeprefix("${AWS::StackName}-"): text(alarm["AlarmDescription"])
        for _, alarm in Template(packaged).of_type("AWS::CloudWatch::Alarm")
    }


def test_every_alarm_says_what_broke_who_is_affected_and_the_command_that_mends_it(packaged: dict[str, Any]) -> None:
    for name, said in alarms(packaged).items():
        broken, affected, mend = said.splitlines()
        assert broken.startswith("Broken: "), name
        assert affected.startswith("Affected: "), name
        assert re.match(r"Mend: .*(aws [a-z-]+ [a-z-]+|make deploy STAGE=)", mend), name
        assert len(said) < 900, f"{name}: CloudWatch takes 1,024 characters, names included"


def test_the_run_book_has_a_chapter_for_every_alarm_and_for_no_other(packaged: dict[str, Any]) -> None:
    chapters = re.findall(r"^### `([a-z0-9-]+)`$", RUN_BOOK, re.MULTILINE)
    assert sorted(chapters) == sorted(alarms(packaged))


def test_the_run_book_names_every_parameter(packaged: dict[str, Any]) -> None:
    assert sorted(name for name in packaged["Parameters"] if f"`{name}`" not in RUN_BOOK) == ["Engine", "Stage"]


# --- engines and partitions ----------------------------------------------------------------------------------------


def test_both_engines_get_the_same_template_but_for_runtime_and_cpu(package: Package, local_package: Package) -> None:
    target = build.aws_target()
    assert build.finish(local_package.document(), target) == package.document()


def translated(template: Path, region: str) -> dict[str, Any]:
    """The template as CloudFormation's SAM transform leaves it in a region."""
    script = (
        "import json, sys; from samtranslator.translator.transform import transform\n"
        "class Policies:\n    def load(self): return {}\n"
        "document = json.load(open(sys.argv[1]))\n"
        "for one in document['Resources'].values():\n"
        "    if one['Type'] == 'AWS::Serverless::Function':\n"
        "        one['Properties']['CodeUri'] = {'Bucket': 'b', 'Key': 'k'}\n"
        "print(json.dumps(transform(document, {}, Policies())))"
    )
    environment = {**os.environ, "AWS_DEFAULT_REGION": region}
    command = [sys.executable, "-W", "ignore", "-c", script, str(template)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_the_template_renders_for_aws_cn(package: Package) -> None:
    rendered = translated(package.template, "cn-north-1")
    spelled = set(re.findall(r"arn:aws[a-z-]*:[^\"]*", json.dumps(rendered)))
    assert {arn for arn in spelled if not arn.startswith("arn:aws-cn:")} == set()
    command = [Path(sys.executable).with_name("cfn-lint"), "--regions", "cn-north-1", "--", package.template]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_schedule_has_the_name_that_its_alarm_tells(package: Package, packaged: dict[str, Any]) -> None:
    rules = [
        name for name, one in translated(package.template, "eu-west-1")["Resources"].items() if "Schedule" in str(one)
    ]
    assert [name for name in rules if name in alarms(packaged)["sweep-stopped"]] == ["SweepSweepEvent"]


@pytest.mark.parametrize("media", ["*/*"])
def test_the_api_takes_every_body_as_bytes(packaged: dict[str, Any], media: str) -> None:
    assert packaged["Resources"]["RestAPI"]["Properties"]["BinaryMediaTypes"] == [media]
