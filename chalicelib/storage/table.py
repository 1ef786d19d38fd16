"""The PynamoDB base of every row, and the attribute types that keep rows small.

The table name is set late (``bind``), so that importing a row never reads the environment. Whatever is called on a
row, trouble of the table is Retryable: ``table_unavailable``, or ``table_refused`` for what will not pass by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import BINARY
from pynamodb.exceptions import CancellationReason, PutError, TransactWriteError, VerboseClientError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.errors import Retryable
from chalicelib.storage.packing import pack, unpack

# What a request's own conditions came to: the stores ask for these and act on them.
_VERDICTS: Final = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
# Our mistake or the deployment's: trying again is right all the same, somebody may mend it meanwhile.
_REFUSALS: Final = frozenset({"ValidationException", "AccessDeniedException", "ResourceNotFoundException"})
_LOST_RACE: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_REFUSED: Final = "The table did not take the request."


class _Connection(Connection):
    """The one place where a call can fail. Without the cause: its text names the table and may quote values."""

    def _make_api_call(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = super()._make_api_call(operation_name, operation_kwargs)
        except ClientError as error:
            code = error.response["Error"].get("Code")
            if code in _VERDICTS:
                raise
            if code == "TransactionConflictException":
                raise _Held(_REFUSED, code="table_unavailable") from None
            raise _trouble("table_refused" if code in _REFUSALS else "table_unavailable") from None
        except BotoCoreError:
            raise _trouble("table_unavailable") from None
        return answer


class _Held(Retryable):
    """A transaction was at the row."""


def _trouble(code: str) -> Retryable:
    return Retryable(_REFUSED, code=code)


class PackedJSONAttribute(Attribute[Any]):
    """JSON in a binary of about a quarter of its size, see ``packing``."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return pack(value)

    def deserialize(self, value: bytes) -> Any:
        return unpack(value)


class Row(Model):
    """Keys and expiry that every row shares. Reads compare ``expires_at`` themselves: TTL is days late."""

    class Meta:
        table_name = "unbound"
        region = None
        connect_timeout_seconds = 2
        read_timeout_seconds = 5
        max_retry_attempts = 4

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute(null=True)  # epoch seconds

    shared_client: ClassVar[Any] = None

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """Every row class on one botocore client: PynamoDB would build one, and a pool, for each."""
        table = super()._get_connection()
        if not isinstance(table.connection, _Connection):
            plain, table.connection = table.connection, _Connection()
            table.connection._tables = plain._tables
        if Row.shared_client is None:
            Row.shared_client = table.connection.client
        table.connection._client = Row.shared_client
        return table


def bind(table: str, client: Any = None) -> None:
    """Point every row class at the deployed table, and at ``client`` where one is given. Called by the wiring."""
    Row.Meta.table_name = table
    if client is not None:
        Row.shared_client = client


def transaction() -> TransactWrite:
    """A transaction on the client that the rows use. Its reasons come in the order checks, deletes, puts, updates."""
    connection = _Connection()
    connection._client = Row.shared_client
    return TransactWrite(connection=connection)


def committed(writes: TransactWrite) -> bool:
    """Write all or nothing; False when a condition failed or another transaction was at one of the rows."""
    return not in_the_way(writes)


def in_the_way(writes: TransactWrite) -> Sequence[CancellationReason]:
    """Write all or nothing; why nothing was written, empty when all was. Raises Retryable for the table's trouble."""
    try:
        writes._commit()
    except TransactWriteError as error:
        reasons = [reason for reason in error.cancellation_reasons if reason is not None]
        if any(reason.code in _LOST_RACE for reason in reasons):
            return reasons
        raise _trouble("table_unavailable") from None
    return ()


def saved(row: Row, condition: Condition | None) -> bool:
    """Put a row; False when ``condition`` failed or a transaction was at the row, as ``committed``."""
    try:
        row.save(condition)
    except _Held:
        return False
    except PutError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        return False
    return True


def put(row: Row, condition: Condition) -> dict[str, Any] | None:
    """Put a row; the raw item that made ``condition`` fail, from the same call. ``Model.save`` cannot tell."""
    request = row.get_save_kwargs_from_instance(condition=condition, return_values_on_condition_failure="ALL_OLD")
    try:
        row._get_connection().connection.dispatch("PutItem", request)
    except VerboseClientError as error:
        return item_in_the_way(error)
    return None


def item_in_the_way(error: VerboseClientError) -> dict[str, Any]:
    """The raw item that made a condition fail; raises ``error`` when it was something else.

    PynamoDB drops the item from its own error; botocore's, its cause, has it.
    """
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    item: dict[str, Any] = getattr(error.__cause__, "response", {})["Item"]
    return item
