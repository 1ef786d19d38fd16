"""How English voices are heard: complaints and praise by kind, what English denies, and what says nothing."""

from __future__ import annotations

import time

import pytest

from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.understanding import shipped
from chalicelib.understanding.lexicon import CUES, OPINIONS
from chalicelib.understanding.reader import Reader

READERS = {pack: Reader(shipped.load(pack)) for pack in ("airline", "hotel", "ecommerce")}


def read(text: str, pack: str = "hotel") -> Understanding:
    return READERS[pack].read([Text(text)])


def side(text: str, pack: str = "hotel") -> str:
    """negative | positive, and none where the voice says neither."""
    polarity = read(text, pack).polarity
    return "none" if polarity is None else "positive" if polarity > 0.5 else "negative"


def said_of(topic: str, text: str, pack: str = "hotel") -> str | None:
    """The polarity of the tag at or below ``topic``."""
    return next((tag.polarity for tag in read(text, pack).tags if tag.topic.startswith(topic)), None)


@pytest.mark.parametrize(
    "text",
    [
        "You cancelled our trip at midnight",
        "I was on hold all morning",
        "No one answers the phone",
        "Still waiting to hear back",
        "Never again",
        "Nobody cares",
        "It keeps happening and there was no apology",
        "They lied to us and hung up",
        "Want my money back",
        "What a mess, an absolute disgrace",
        "The whole thing was a joke",
        "We were left behind in the lobby",
        "They charged me twice",
        "The soup was too salty",
        "Stay far away from here",
        "The manager could not care less - a waste of money",
        "It died after a week",
        "Subpar, overrated and underwhelming",
    ],
)
def test_complaints_in_plain_words(text: str) -> None:
    assert side(text) == "negative"


@pytest.mark.parametrize(
    "text",
    [
        "Kudos to the whole team",
        "Shout out to Maria at the desk",
        "Thank you so much",
        "You guys rock",
        "She went above and beyond",
        "Hats off to the chef",
        "This place is second to none",
        "Best stay ever",
        "He made my day",
        "Two thumbs up",
        "A pleasant surprise, well worth the money",
        "Top notch and hassle-free",
        "They took care of everything",
        "Can't wait to be back",
    ],
)
def test_praise_in_plain_words(text: str) -> None:
    assert side(text) == "positive"


@pytest.mark.parametrize("text", ["Where is my parcel?", "Why is nobody there?", "Are you kidding me?", "How come?"])
def test_questions_that_complain(text: str) -> None:
    assert side(text) == "negative"


@pytest.mark.parametrize("text", ["Is it slow?", "Are they reliable?", "Does it break?"])
def test_a_question_that_only_asks_says_nothing(text: str) -> None:
    assert side(text) == "none"


@pytest.mark.parametrize("text", ["The problem is it keeps crashing", "Why is it so slow"])
def test_words_that_ask_elsewhere_ask_only_where_they_come_first(text: str) -> None:
    assert side(text) == "negative"


@pytest.mark.parametrize(
    "text",
    ["It took 3 hours to check in", "We sat there for two hours", "It's been 5 days", "I waited over 45 minutes"],
)
def test_waiting_is_told_in_numbers(text: str) -> None:
    assert side(text) == "negative"


@pytest.mark.parametrize(
    "text", ["The battery lasts over 10 hours", "It only took 20 minutes", "Open for 24 hours", "It takes 5 minutes"]
)
def test_a_time_that_nobody_waits_is_no_complaint(text: str) -> None:
    assert side(text, "ecommerce") == "none"


def test_hours_of_waiting_are_said_of_the_topic() -> None:
    assert said_of("baggage", "It took 3 hours to get our bags", "airline") == "negative"


# ------------------------------------------------------------------ denial


@pytest.mark.parametrize(
    "text",
    [
        "Haven't had any problems",
        "It has not given me any trouble, no issues",
        "There were no disk errors",
        "None of the problems that others had",
        "I can't say I'm unhappy with it",
        "You can't go wrong here",
        "I have no complaints",
    ],
)
def test_what_is_bad_is_denied_by_a_negator_with_nothing_but_fillers_behind_it(text: str) -> None:
    assert side(text) == "positive"


@pytest.mark.parametrize(
    "text", ["They did not fix the problem", "You could not solve my issue", "Nobody looked into our complaint"]
)
def test_a_problem_that_nobody_solved_is_there(text: str) -> None:
    assert side(text) == "negative"


def test_a_topics_own_bad_words_are_denied_the_same_way() -> None:
    assert said_of("baggage", "You won't look for my lost luggage", "airline") == "negative"
    assert said_of("baggage", "This time no lost luggage", "airline") == "positive"


@pytest.mark.parametrize(
    "text", ["This is not what I would call a good breakfast", "The staff wasn’t friendly", "Nothing was comfortable"]
)
def test_praise_is_turned_from_afar(text: str) -> None:
    assert side(text) == "negative"


def test_a_negator_does_not_reach_over_an_and() -> None:
    assert said_of("service", "They did not rush and the staff were friendly") == "positive"


@pytest.mark.parametrize("text", ["I couldn't be more impressed", "Cannot recommend this place highly enough"])
def test_praise_that_only_looks_denied(text: str) -> None:
    assert side(text) == "positive"


def test_the_apostrophe_of_a_telephone_is_an_apostrophe() -> None:
    plain, curly = read("The towels weren't clean"), read("The towels weren’t clean")
    assert curly.polarity == plain.polarity
    assert [(tag.start, tag.end) for tag in curly.tags] == [(tag.start, tag.end) for tag in plain.tags]


# ------------------------------------------------------------------ hints


@pytest.mark.parametrize("text", ["I can't log in", "The blender doesn’t turn on", "Nobody came", "It wont start up"])
def test_what_did_not_happen_hints_at_a_complaint(text: str) -> None:
    assert side(text, "ecommerce") == "negative"


def test_a_hint_weighs_less_than_a_word() -> None:
    hint, word = read("I can't log in").polarity, read("The login is broken").polarity
    assert hint is not None
    assert word is not None
    assert word < hint < 0.5


def test_a_hint_says_nothing_of_the_whole() -> None:
    assert not [tag for tag in read("No one told us anything").tags if tag.polarity != "neutral"]


def test_manners_praise_faintly_and_nothing_in_particular() -> None:
    manners, praise = read("Thank you").polarity, read("Thank you so much").polarity
    assert manners is not None
    assert praise is not None
    assert 0.5 < manners < praise
    assert said_of("app.invoice", "Please send me the receipt, thank you", "airline") == "neutral"


@pytest.mark.parametrize(
    "text", ["Thanks for losing my bag", "Thanks for nothing", "Thank you for wasting my time", "Great, another delay"]
)
def test_thanks_and_cheers_that_are_sour(text: str) -> None:
    assert side(text, "airline") == "negative"


def test_smiles_and_frowns() -> None:
    assert side("We stayed in room 12 :)") == "positive"
    assert side("Back home :(") == "negative"


@pytest.mark.parametrize("text", ["Note:(see page 2)", "备注:(见第二页)", "备注：（见第二页）"])
def test_a_colon_before_a_bracket_is_no_frown(text: str) -> None:
    assert side(text) == "none"


# ------------------------------------------------------------------ what says nothing


@pytest.mark.parametrize(
    "text",
    [
        "The goods are at the door",
        "Kindly confirm the date",
        "I was there lately",
        "What kind of tea is this",
        "They issued a new card",
        "Would appreciate a reply",
        "I'd love a window",
        "Good luck",
        "We took the late check-out",
        "Good morning",
        "Two patients and a nurse",
        "To be honest",
    ],
)
def test_words_that_only_look_like_feelings(text: str) -> None:
    assert side(text) == "none"


def test_pretty_is_a_degree_in_front_of_another_word() -> None:
    assert side("Pretty bad") == "negative"
    assert side("Pretty good") == "positive"


def test_greatly_strengthens_and_does_not_praise() -> None:
    assert side("I am greatly disappointed") == "negative"


def test_a_chinese_voice_with_an_english_word_is_heard_whole() -> None:
    seen = read("房间很nice，就是前台态度差")
    assert {(tag.topic.split(".")[0], tag.polarity) for tag in seen.tags} >= {
        ("room", "positive"),
        ("service", "negative"),
    }


def test_every_entry_is_lower_case_and_free_of_stray_blanks() -> None:
    for phrase in (*OPINIONS, *(phrase for phrases in CUES.values() for phrase in phrases)):
        assert phrase == phrase.lower()
        assert "," not in phrase or phrase == ","
        assert "  " not in phrase
        assert phrase.strip()


@pytest.mark.parametrize(
    "unit",
    [
        "not ",
        "not a bad ",
        "no one ",
        "for over ",
        "took a a a ",
        "for 2 hours ",
        "can't recommend enough ",
        "a’",
        "is it ",
    ],
)
def test_english_is_read_in_linear_time(unit: str) -> None:
    def spent(size: int) -> float:
        text = (unit * size)[:size]
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            read(text)
            best = min(best, time.process_time() - began)
        return best

    spent(100)
    assert spent(16_000) < 8 * 2.5 * max(spent(2_000), 0.0004)
