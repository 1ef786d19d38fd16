"""What a ticket is called in a list: score, class and topics in our own words, never in the customer's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from chalicelib.domain.cases.ticket import main_topics
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.scoring import position

TopicNames = Callable[[str, str], str]  # (topic id, "zh-CN" | "en") → its name

LANGUAGES: Final = ("zh-CN", "en")
MAX_TOPICS: Final = 3
MAX_NAME: Final = 40  # characters of one topic's name

_CLASSES: Final[Mapping[str, str]] = {
    "detractor": "贬损者",
    "passive": "中立者",
    "promoter": "推荐者",
    "dissatisfied": "不满意",
    "neutral": "一般",
    "satisfied": "满意",
    "hard": "费力",
    "easy": "轻松",
    "poor": "差评",
    "fair": "中评",
    "good": "好评",
}
_KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {"nps": "NPS", "csat": "满意度", "ces": "费力度", "rating": "评分"},
    "en": {"nps": "NPS", "csat": "CSAT", "ces": "CES", "rating": "rating"},
}
_RED_LINE: Final[Mapping[str, str]] = {"zh-CN": "【红线·{kinds}】", "en": "[Red line: {kinds}] "}
_RED_LINES: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {
        "safety": "安全",
        "food_poisoning": "食品安全",
        "injury": "人身伤害",
        "fraud": "欺诈",
        "self_harm": "自伤风险",
        "legal_threat": "投诉曝光或法律",
    },
    "en": {
        "safety": "safety",
        "food_poisoning": "food poisoning",
        "injury": "injury",
        "fraud": "fraud",
        "self_harm": "self-harm",
        "legal_threat": "media, lawyer or regulator",
    },
}
_NOTHING: Final[Mapping[str, str]] = {"zh-CN": "顾客反馈待处理", "en": "Customer feedback to handle"}
_JOINTS: Final[Mapping[str, tuple[str, str]]] = {"zh-CN": ("：", "、"), "en": (": ", ", ")}


def language(feedback: Feedback) -> str:
    """Chinese unless the voice is known to be in another language."""
    spoken = (feedback.lang or feedback.understanding.lang or "zh").lower()
    return "zh-CN" if spoken.startswith(("zh", "yue", "wuu")) else "en"


def title(feedback: Feedback, names: TopicNames, lang: str) -> str:
    """Such as ``【红线·安全】NPS 2/10 贬损者：包装破损、客服无回应`` or ``NPS 2/10 detractor: damaged parcel``."""
    colon, comma = _JOINTS[lang]
    score = _worst(feedback, lang)
    about = comma.join(names(topic, lang)[:MAX_NAME] for topic in main_topics(feedback)[:MAX_TOPICS])
    text = colon.join(part for part in (score, about) if part) or _NOTHING[lang]
    return _red_lines(feedback, lang) + text


def titles(feedback: Feedback, names: TopicNames) -> dict[str, str]:
    """The title in every language, for who reads it. Made once: a name that a topic gets later renames nothing."""
    return {lang: title(feedback, names, lang) for lang in LANGUAGES}


def _red_lines(feedback: Feedback, lang: str) -> str:
    kinds = [_RED_LINES[lang].get(kind, kind) for kind in feedback.understanding.red_lines]
    return _RED_LINE[lang].format(kinds=_JOINTS[lang][1].join(kinds)) if kinds else ""


def _worst(feedback: Feedback, lang: str) -> str:
    """The score that stands lowest on its scale, with its class."""
    if not feedback.scores:
        return ""
    score = min(feedback.scores, key=position)
    kind = _KINDS[lang].get(score.kind, score.kind)
    name = feedback.classes.get(score.kind, "")
    if lang == "zh-CN":
        name = _CLASSES.get(name, name)
    return f"{kind} {score.value:g}/{score.high:g} {name}".rstrip()
