"""Which messages opt a customer out: ``TD``, ``退订`` and the like, and nothing but that. Pure.

The whole message must say it. A sentence that merely holds such a word ("我想退订单间") opts nobody out, and no message
opts anybody in again: that takes somebody who answers for it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.text.folding import fold
from chalicelib.domain.voice.voice import Canonical

MESSAGE: Final = "message"  # how a customer's own word came
LONGEST: Final = 24  # letters and digits of such a message

# Folded: small letters, simplified characters. The one-letter ones are what Chinese carriers have people answer.
_WORDS: Final = (
    "td", "t", "r", "退订", "退定", "tuiding", "取消订阅", "拒收", "stop", "stopall", "unsubscribe", "unsub", "optout",
)  # fmt: skip
_LEADS: Final = ("回复", "回", "请", "我要", "帮我", "请帮我", "reply", "please", "pls")
_ENDS: Final = ("短信", "此短信", "吧", "谢谢", "please", "thanks", "thankyou")
_ANY: Final = "|".join(sorted(_WORDS, key=len, reverse=True))
# A letter alone is taken as it stands: with another it is a word.
_MESSAGE: Final = re.compile(
    rf"(?:{'|'.join(_LEADS)})?(?:{_ANY}|(?:td|退订|退定|stop|unsubscribe){{2,4}}|[tr](?:退订|退定))(?:{'|'.join(_ENDS)})?"
)
# Channels of a voice by which somebody answers us, and what is told apart there.
_ANSWERED_OVER: Final = {"survey": ("sms",), "chat": ("wechat", "wecom"), "email": ("email",), "app": ("app",)}


@dataclass(frozen=True, slots=True)
class OptOut:
    """What a customer last said about one channel, or about all. ``how``: MESSAGE, or the id of a key."""

    channel: str
    out: bool
    at: datetime
    how: str


def opts_out(text: str) -> bool:
    """Whether a message says that its sender wants no more. Blanks, signs, letter case and full-width do not matter."""
    return bool(_letters(text)) and _MESSAGE.fullmatch(_letters(text)) is not None


def opted_out_of(voice: Canonical) -> tuple[str, ...]:
    """The channels that an answer to one of our messages opts its sender out of; () where it is no such answer.

    Unlike a message, a voice does not say over which channel it came: a word of an address and no number is of e-mail,
    one in a chat is of both chats, and what answers a survey is of SMS. One letter alone is too little to mean it.
    """
    texts = [one.text for one in voice.texts if one.text.strip()]
    if voice.deleted or not texts or not all(opts_out(one) and len(_letters(one)) > 1 for one in texts):
        return ()
    if voice.channel == "survey" and voice.customer.email and not voice.customer.phone:
        return ("email",)
    return _ANSWERED_OVER.get(voice.channel, ())


def _letters(text: str) -> str:
    """Letters and digits, folded; nothing of a text that is too long to be such a word."""
    if len(text) > 10 * LONGEST:
        return ""
    letters = "".join(char for char in fold(text).text if unicodedata.category(char)[0] in "LN")
    return letters if len(letters) <= LONGEST else ""
