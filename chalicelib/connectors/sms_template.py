"""What both Chinese SMS vendors ask for: a registered template, its variables, and phones that nobody is shown.

Only what somebody in the company named goes into a variable, never a customer's words: an SMS cannot be taken back, and
the vendors refuse free text. Nor a link, which they refuse as well; it belongs into the template.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from chalicelib.connectors import templates
from chalicelib.connectors.base import lang_of
from chalicelib.connectors.harmless import clip
from chalicelib.domain.alerts.sms import parts_of_characters
from chalicelib.domain.cases.page_link import CODE_LENGTH
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

MOST_PHONES: Final = 100  # ours; both vendors take more in one request
LONGEST_TEXT: Final = 500  # characters, sign name included: the vendors' limit

COMMON: Final = (
    Field("sign_name", required=True, longest=40),
    Field("template_text", required=True, longest=LONGEST_TEXT),
)
VARIABLE_LIMIT: Final = Field("variable_limit", "number", default=20, least=2, most=100, sure="recalled")
PHONES: Final = Field("phones", required=True, longest=2_000)

_KEPT_OUT: Final = ("words", "link")
_NAMES: Final = re.compile(r"\{([^{}]*)\}")
_BETWEEN: Final = re.compile(r"[\s,;，；、]+")
_MAINLAND: Final = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")
_ABROAD: Final = re.compile(r"\+(?!86)[1-9][0-9]{6,14}")
_LINK: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:/*|www\.)\S+|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/\S*)?", re.I)
_NOTHING: Final = {"zh-CN": "无", "en": "none"}


def phones(credentials: Mapping[str, str], *, abroad: bool) -> tuple[str, ...]:
    """The receivers in E.164, each once. Raises Invalid (``credentials_invalid``), which repeats none of them."""
    found: list[str] = []
    for one in filter(None, _BETWEEN.split(credentials.get("phones") or "")):
        mainland = _MAINLAND.fullmatch(one)
        if mainland is None and not (abroad and _ABROAD.fullmatch(one)):
            raise _unfit_phones("A phone number is not in the form that is needed.")
        found.append(f"+86{mainland[1]}" if mainland else one)
    several = tuple(dict.fromkeys(found))
    if not 0 < len(several) <= MOST_PHONES:
        raise _unfit_phones(f"1 to {MOST_PHONES} phone numbers, with commas between them.")
    if len({one.startswith("+86") for one in several}) > 1:
        raise _unfit_phones("Numbers of the Chinese mainland and of elsewhere cannot be in one list.")
    return several


def check_variables(given: Mapping[str, Any], named: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Whether every variable of the registered text has its template, in ``given``, and no other has; and whether
    there is room for a personal code, of which a part would open nothing.

    ``named`` are the variables in the text, in order. Raises Invalid (``settings_invalid``).
    """
    if sorted(given) != sorted(set(named)):
        wanted = tuple(dict.fromkeys(named))
        raise _unfit("The variables are not those of template_text.", "/settings/variables", wanted)
    for name, template in given.items():
        pointer = f"/settings/variables/{name}"
        if not isinstance(template, str) or not template:
            raise _unfit("A variable needs a template, which is text.", pointer)
        templates.check(template, pointer=pointer)
        if set(_NAMES.findall(template)) & set(_KEPT_OUT):
            allowed = tuple(name for name in templates.PLACEHOLDERS if name not in _KEPT_OUT)
            raise _unfit("Neither a customer's words nor a link may stand in an SMS variable.", pointer, allowed)
        if "{code}" in template and len(template) - len("{code}") + CODE_LENGTH > _limit(settings):
            raise _unfit(f"A code has {CODE_LENGTH} characters and does not fit.", "/settings/variable_limit")


def filled(given: Mapping[str, str], message: Message, settings: Mapping[str, Any]) -> dict[str, str]:
    """Every variable as the vendor takes it: one line, no link, no sign that carriers refuse, never empty."""
    lang = lang_of(settings)
    return {
        name: clip(plain(templates.render(template, message, lang)), _limit(settings)) or _NOTHING[lang]
        for name, template in given.items()
    }


def plain(text: str) -> str:
    """Letters, digits and punctuation: no link, emoji, bracket of a sign name or character that cannot be seen."""
    seen = "".join(char for char in unicodedata.normalize("NFC", text) if unicodedata.category(char) != "Cf")
    kept = "".join(char if _is_plain(char) else " " for char in _LINK.sub(" ", seen))
    return " ".join(kept.split())


def parts(settings: Mapping[str, Any], text: str) -> int:
    """Parts that one phone is billed for the registered text filled in, with the sign name before it."""
    return parts_of_characters(f"【{sign_name(settings)}】{text}")


def sign_name(settings: Mapping[str, Any]) -> str:
    """As it was registered: the vendors add the brackets."""
    return str(settings["sign_name"]).strip("【】 ")


def host_of(url: str) -> str:
    """The ``Host`` that the door sends, which both vendors sign: lower case, the port only where it is unusual."""
    shape = urlsplit(url)
    host = (shape.hostname or "").rstrip(".")
    return host if shape.port in (None, 443) else f"{host}:{shape.port}"


def stable(code: str) -> str:
    """A vendor's code as a word of ours: ``isv.SMS_TEMPLATE_ILLEGAL`` → ``isv_sms_template_illegal``."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", code).lower()).strip("_")[:64] or "refused"


def _limit(settings: Mapping[str, Any]) -> int:
    """Characters that a variable may have."""
    return int(settings.get("variable_limit") or VARIABLE_LIMIT.default)


def _is_plain(char: str) -> bool:
    return char not in "【】〖〗" and unicodedata.category(char)[0] in "LMNPZ" and ord(char) <= 0xFFFF


def _unfit(message: str, pointer: str, allowed: tuple[str, ...] = ()) -> Invalid:
    return Invalid(message, code="settings_invalid", pointer=pointer, allowed=allowed)


def _unfit_phones(message: str) -> Invalid:
    return Invalid(message, code="credentials_invalid", pointer="/credentials/phones")
