"""Uploaded files as they came: one private bucket, read by byte ranges. What is in them leaves no trace in an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.inbound.upload import FileMissing, FileReplaced, Part
from chalicelib.errors import Retryable


class RawFiles:
    """``client`` gives the S3 client when it is needed: a hook must not build it for every other platform."""

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def upload_url(self, key: str, content_type: str, size: int | None, seconds: int) -> str:
        """Where one file can be put for so many seconds, of this type and, where it is told, of this size in bytes."""
        bound: dict[str, Any] = {"Bucket": self._bucket, "Key": key, "ContentType": content_type}
        if size is not None:
            bound["ContentLength"] = size
        url: str = self._client().generate_presigned_url("put_object", bound, seconds, "PUT")
        return url

    def put(self, key: str, raw: bytes, content_type: str) -> None:
        """Keep a file. Raises Retryable."""
        try:
            self._client().put_object(Bucket=self._bucket, Key=key, Body=raw, ContentType=content_type)
        except (BotoCoreError, ClientError):
            raise Retryable("The bucket did not take the file.", code="bucket_unavailable") from None

    def read(self, key: str, start: int, length: int, etag: str) -> Part:
        """Up to ``length`` bytes from ``start`` of the bytes that ``etag`` stands for.

        Raises FileReplaced, FileMissing, Retryable.
        """
        wanted = {"Bucket": self._bucket, "Key": key, "Range": f"bytes={start}-{start + length - 1}"}
        try:
            answer = self._client().get_object(**wanted, IfMatch=f'"{etag}"')
            raw = answer["Body"].read()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code in ("PreconditionFailed", "412"):
                raise FileReplaced from None
            if code in ("NoSuchKey", "404"):
                raise FileMissing from None
            if code in ("InvalidRange", "416"):  # nothing from there on: the file is empty, or was read to its end
                return Part(b"", start)
            raise Retryable("The bucket did not give the file.", code="bucket_unavailable") from None
        except (BotoCoreError, OSError):
            raise Retryable("The bucket did not give the file.", code="bucket_unavailable") from None
        total = str(answer.get("ContentRange", "")).rpartition("/")[2]
        return Part(raw, int(total) if total.isdigit() else start + len(raw))
