"""问卷星 Wenjuanxing: its data push as JSON, and the signed form of its kit. Two contracts, one reading.

Neither says what a question is: both name questions ``q1``, ``q2`` … here, so a connection's mapping tells them apart
(``/q1``). Choices come as option numbers; the setting ``options`` gives them their words.

* ``wenjuanxing``: JSON, all values texts. ``sign`` is SHA-1 over survey, index and push key, and covers no answer, so
  the secret URL is the proof, and ``sign`` is checked beside it where the connection has the push key.
* ``wenjuanxing_form``: a form whose ``submitdata`` is ``1$3}2$words``, sometimes sealed with AES. The header
  ``X-Wjx-Signature`` is SHA-1 over body and app key. The hook, which has the key, passes the body on in clear.

Neither push has an event for edits: the same response with other answers is its next revision, by arrival. No delivery
has an id either, so a repetition is known by its bytes, and failing that by its content.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from chalicelib.domain.inbound import mapping as mappings
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.time.moments import zoned
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Parked
from chalicelib.sources.base import MappedSource, read_json, settings_of
from chalicelib.sources.collected import check_signature

SKIPPED: Final = ("-3", "-2", "(跳过)", "(空)")  # what stands for a question that was not put or left empty
_BLOCK: Final = 16  # bytes of AES
_QUESTION: Final = re.compile(r"(?:^|\})([0-9]{1,4})\$")
_CHOSEN: Final = re.compile(r"[0-9]{1,4}")
_SEPARATORS: Final = re.compile(r"[,|]")


class _Wenjuanxing(MappedSource):
    """What both contracts have in common."""

    key_made_by: ClassVar[str] = "vendor"
    survey: ClassVar[str]  # the field that names the survey
    fields: ClassVar[tuple[Field, ...]] = (
        Field("nps_numbering", "choice", choices=("score", "option"), default="score", sure="unknown"),
        Field("options", "map", longest=100),
        Field("skipped", "list", default=list(SKIPPED), longest=20, sure="recalled"),
        Field("utc_offset", "number", default=8, least=-12, most=14, sure="recalled"),
    )

    def decode(self, raw: bytes) -> Any:
        try:
            return read_fields(raw)
        except Parked:
            return None

    def response_key(self, payload: Any, pointer: str | None) -> str:
        """``survey:response``: one hook may serve several surveys."""
        survey = mappings.response_key(payload, f"/{self.survey}")
        return f"{survey}:{super().response_key(payload, pointer)}"

    def payload(self, raw: bytes, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields with answers as people mean them: skipped ones empty, choices in words, an NPS from 0, a zone."""
        settings = settings_of(mapping)
        skipped = set(settings.get("skipped", SKIPPED))
        fields = {
            name: None if _plain(value).strip() in skipped else value
            for name, value in self.answers(read_fields(raw)).items()
        }
        fields["submittime"] = zoned(fields.get("submittime"), settings.get("utc_offset", 8))
        named = [entry for entry in mapping.get("scores", ()) if isinstance(entry["path"], str)]
        scores = {entry["path"][1:]: entry["kind"] for entry in named}
        for name, labels in settings.get("options", {}).items():
            if name in fields and name not in scores:
                fields[name] = _in_words(fields[name], labels)
        if settings.get("nps_numbering") == "option":
            numbered = [name for name, kind in scores.items() if kind == "nps" and name in fields]
            fields.update({name: _from_zero(fields[name]) for name in numbered})
        return fields

    def answers(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields with each answer under its question's name. Raises Parked."""
        return fields


class Wenjuanxing(_Wenjuanxing):
    """数据推送 API."""

    name: ClassVar[str] = "wenjuanxing"
    proof: ClassVar[str] = "token"
    may_sign: ClassVar[bool] = True
    survey: ClassVar[str] = "activity"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/joinid",
        "occurred_at": "/submittime",
        "customer": {"id": "/sojumpparm"},
    }

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """With the push key, ``sign`` must be there and fit; without it the secret URL was the proof."""
        if not secrets:
            return
        payload = self.decode(arrival.raw)
        fields = payload if isinstance(payload, Mapping) else {}
        activity, index = _plain(fields.get("activity")), _plain(fields.get("index"))
        made = [sign(activity, index, secret) for secret in secrets]
        check_signature(_hex(fields.get("sign")), "field sign", made)


class WenjuanxingForm(_Wenjuanxing):
    """The signed form of wjx-ai-kit."""

    name: ClassVar[str] = "wenjuanxing_form"
    survey: ClassVar[str] = "vid"
    mapping: ClassVar[Mapping[str, Any]] = {"response_id": "/jid", "occurred_at": "/submittime"}

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        made = [signature(arrival.raw, secret) for secret in secrets]
        check_signature(_hex(arrival.headers.get("x-wjx-signature")), "X-Wjx-Signature header", made)

    def opened(self, arrival: Arrival, secrets: Sequence[str]) -> Arrival:
        """The body in clear as JSON; the same for every retry, though each may be sealed with another vector."""
        fields = self.decode(arrival.raw)
        sealed = _sealed(fields) if isinstance(fields, Mapping) else None
        if sealed is None:
            return arrival
        for secret in secrets:
            inner = _inside(unseal(sealed, secret))
            if inner is not None:
                clear = {**{name: value for name, value in fields.items() if name != "encrypt"}, **inner}
                return replace(arrival, raw=_as_json(clear))
        return arrival

    def answers(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        if _sealed(fields) is not None:
            raise Parked("The answers cannot be read: sealed with another key, or of another form.", code="sealed")
        submitted = read_answers(_plain(fields.get("submitdata")))
        return {**fields, **{f"q{number}": answer for number, answer in submitted.items()}}


def sign(activity: str, index: str, push_key: str) -> str:
    """Lower-case hex of the push's ``sign``."""
    signed = (activity + index + push_key).encode("utf-8", "surrogatepass")
    return hashlib.sha1(signed).hexdigest()  # noqa: S324 - the platform's choice


def signature(raw: bytes, app_key: str) -> str:
    """Lower-case hex of the form's header."""
    return hashlib.sha1(raw + app_key.encode()).hexdigest()  # noqa: S324 - the platform's choice


def read_fields(raw: bytes) -> Mapping[str, Any]:
    """A body as names and values: a JSON object, or else a form. Raises Parked with the decoder's code."""
    if raw.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return read_json(raw)
    try:
        pairs = parse_qsl(raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Parked("The form is not UTF-8.", code="invalid_encoding") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Parked("The form names a field twice.", code="duplicate_key")
    return fields


def read_answers(submitted: str) -> dict[str, str]:
    """Question number → answer, of ``1$3}2$words``. Text that is none of that form gives nothing.

    A brace belongs to the words unless a new question's number and a dollar follow: customers write braces too.
    """
    submitted, starts = submitted.lstrip(), dict[str, re.Match[str]]()
    for match in _QUESTION.finditer(submitted):
        starts.setdefault(match[1], match)
    matches = list(starts.values())
    ends = [*(match.start() for match in matches[1:]), len(submitted)]
    return {match[1]: submitted[match.end() : end] for match, end in zip(matches, ends, strict=False)}


def unseal(sealed: str, app_key: str) -> str | None:
    """The text behind base64(vector + AES-128-CBC with PKCS7); None where this key does not open it."""
    try:
        # A plus sign that nobody escaped in a form has become a blank.
        data = base64.b64decode(sealed.replace(" ", "+"), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) < 2 * _BLOCK or len(data) % _BLOCK:
        return None
    # Imported here: a hook that opens nothing must not wait for it.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    key = hashlib.md5(app_key.encode()).hexdigest()[:_BLOCK].encode("ascii")  # noqa: S324 - the platform's choice
    decryptor = Cipher(algorithms.AES(key), modes.CBC(data[:_BLOCK])).decryptor()
    unpadder = PKCS7(8 * _BLOCK).unpadder()
    try:
        padded = decryptor.update(data[_BLOCK:]) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode("utf-8")
    except ValueError:  # the padding, or what is behind it no UTF-8
        return None


def _sealed(fields: Mapping[str, Any]) -> str | None:
    """What has to be opened: the field ``encrypt``, or answers that do not look like any."""
    whole, answers = fields.get("encrypt"), fields.get("submitdata")
    if isinstance(whole, str) and whole:
        return whole
    return answers if isinstance(answers, str) and answers and not _QUESTION.match(answers.lstrip()) else None


def _as_json(fields: Mapping[str, Any]) -> bytes:
    """Half characters as escapes, which is how they came."""
    try:
        return json.dumps(fields, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(fields, default=str).encode("ascii")


def _inside(text: str | None) -> Mapping[str, Any] | None:
    """What was sealed, as fields: the answers alone, or a whole body. None for neither: the key was another."""
    if text is None:
        return None
    if _QUESTION.match(text):
        return {"submitdata": text}
    try:
        fields = read_fields(text.encode())
    except Parked:
        return None
    return fields if "submitdata" in fields and _sealed(fields) is None else None


def _hex(offered: Any) -> str | None:
    """The letter case is not documented."""
    return offered.strip().lower() if isinstance(offered, str) else None


def _in_words(chosen: Any, labels: Any) -> Any:
    """Option numbers (``1,2`` or ``1|2``) as their labels; a number without one stays a number."""
    written = _plain(chosen)
    if not written or not isinstance(labels, list):
        return chosen
    return [_label(entry.strip(), labels) for entry in _SEPARATORS.split(written)]


def _label(entry: str, labels: Sequence[str]) -> str:
    known = _CHOSEN.fullmatch(entry) and 1 <= int(entry) <= len(labels)
    return labels[int(entry) - 1] if known else entry


def _from_zero(chosen: Any) -> Any:
    """The first of eleven options is the score 0."""
    written = _plain(chosen).strip()
    return str(int(written) - 1) if _CHOSEN.fullmatch(written) else chosen


def _plain(value: Any) -> str:
    """A text, or a whole number as one; empty for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
