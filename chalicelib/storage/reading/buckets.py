"""Counted hours, and what is marked for counting again.

A mark is a number: the epoch millisecond at which somebody knew that a change was in the table. ``counted`` is the mark
that the stored counts took in; a bucket is marked while ``mark`` is above it. So a count clears exactly the marks
that were old enough when it began, and one that is late or repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, VerboseClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.domain.ids import digest
from chalicelib.domain.reading.facets import Facets
from chalicelib.domain.reading.rollup import Bucket
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row, item_in_the_way
from chalicelib.storage.voice.feedback_rows import FeedbackRow, unpack_facets


class HourIndex(GlobalSecondaryIndex["BucketRow"]):  # type: ignore[no-untyped-call]
    """The buckets of one hour, over all workspaces."""

    class Meta:
        index_name = "listing"
        projection = KeysOnlyProjection()

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class BucketRow(Row):
    """One unit in one hour. Kept for good: counts name nobody."""

    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)  # a hash: the name of a unit may be longer than a sort key can be
    mark = NumberAttribute(null=True)
    counted = NumberAttribute(null=True)
    doc = PackedJSONAttribute(null=True)

    by_hour = HourIndex()


@dataclass(frozen=True, slots=True)
class Standing:
    """The marks of a bucket as they stand."""

    mark: int
    counted: int

    @property
    def is_marked(self) -> bool:
        return self.mark > self.counted


class BucketStore:
    """Marks, counts, and the rows that a bucket is counted from."""

    def is_marked(self, bucket: Bucket) -> bool:
        """Whether somebody already asked for a count that has not been made, strongly consistent."""
        try:
            row = BucketRow.get(*_key(bucket), consistent_read=True, attributes_to_get=["mark", "counted"])
        except DoesNotExist:
            return False
        return _standing(row).is_marked

    def mark(self, bucket: Bucket, mark: int) -> bool:
        """Ask for a count that takes in what is in the table now; whether one had already been asked for."""
        name = digest(bucket.workspace, bucket.unit, length=16)
        actions: list[Action] = [
            BucketRow.mark.set(mark),
            BucketRow.list_pk.set(keys.bucket_listing(bucket.hour, keys.shard(name, keys.LISTING_SHARDS))),
            BucketRow.list_sk.set(name),
        ]
        before = _update(bucket, actions, return_values="ALL_OLD").get("Attributes")
        return before is not None and _standing(BucketRow.from_raw_data(before)).is_marked

    def rows(self, bucket: Bucket) -> Iterator[Facets]:
        """What the bucket counts, from the narrow index (eventually consistent)."""
        partition = keys.bucket_index(bucket.workspace, bucket.unit, bucket.hour)
        for row in FeedbackRow.bucket.query(partition):
            yield unpack_facets(row.facets)

    def write(self, bucket: Bucket, counts: dict[str, Any], mark: int) -> Standing:
        """Store counts that took in ``mark``, unless newer ones are there; the marks as they stand afterwards."""
        actions: list[Action] = [BucketRow.doc.set(counts), BucketRow.counted.set(mark)]
        condition = BucketRow.counted.does_not_exist() | (BucketRow.counted < mark)
        try:
            after = _update(bucket, actions, condition=condition, return_values="ALL_NEW")["Attributes"]
        except VerboseClientError as error:
            after = item_in_the_way(error)
        return _standing(BucketRow.from_raw_data(after))

    def counts(self, bucket: Bucket) -> dict[str, Any] | None:
        """The stored counts; None when the bucket was never counted."""
        try:
            row = BucketRow.get(*_key(bucket))
        except DoesNotExist:
            return None
        found: dict[str, Any] | None = row.doc
        return found

    def span(self, workspace: str, unit: str, first: str, last: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The counted hours of a unit from ``first`` to ``last``, both included, with their counts."""
        pk, start = keys.bucket(workspace, unit, first)
        for row in BucketRow.query(pk, BucketRow.sk.between(start, last)):
            if row.doc is not None:
                yield row.sk, row.doc

    def of_hour(self, hour: str) -> Iterator[Bucket]:
        """Every bucket of one UTC hour, for the sweep to count once more."""
        for shard in range(keys.LISTING_SHARDS):
            for row in BucketRow.by_hour.query(keys.bucket_listing(hour, shard)):
                _, workspace, unit = row.pk.split("#", 2)
                yield Bucket(workspace, unit, hour)


def _key(bucket: Bucket) -> tuple[str, str]:
    return keys.bucket(bucket.workspace, bucket.unit, bucket.hour)


def _standing(row: BucketRow) -> Standing:
    return Standing(mark=int(row.mark or 0), counted=int(row.counted or 0))


def _update(
    bucket: Bucket, actions: list[Action], *, return_values: str, condition: Condition | None = None
) -> dict[str, Any]:
    """One UpdateItem that also answers what stood in the way of its condition, which ``Model.update`` cannot."""
    request = BucketRow(*_key(bucket)).get_update_kwargs_from_instance(
        actions, condition, return_values_on_condition_failure="ALL_OLD" if condition is not None else None
    )
    answer: dict[str, Any] = BucketRow._get_connection().connection.dispatch(
        "UpdateItem", {**request, "ReturnValues": return_values}
    )
    return answer
