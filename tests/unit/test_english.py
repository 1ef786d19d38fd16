"""How English voices are heard: complaints and praise by kind, what English denies, and what says nothing."""

from __future__ import annotations

import time

import pytest

from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.understanding import shipped
from chalicelib.understanding.clauses import split
from chalicelib.understanding.lexicon import CUES, NEGATORS, OPINIONS
from chalicelib.understanding.reader import Reader

READERS = {pack: Reader(shipped.load(pack)) for pack in ("airline", "banking", "catering", "hotel", "ecommerce")}


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


@pytest.mark.parametrize(
    "text",
    [
        "Why are there two terminals?",
        "Why is there a pin on my card?",
        "Why do I need to verify my identity?",
        "Where is my PIN printed?",
        "How come there are two cards?",
        "What happened to the old app icon?",
        "What is the penalty for early withdrawal?",
        "How do I dispute a charge?",
    ],
)
def test_a_plain_question_is_a_question_and_no_complaint(text: str) -> None:
    seen = read(text, "banking")
    assert seen.intents[0] == "question"
    assert "complaint" not in seen.intents


def test_a_question_about_what_is_bad_still_complains() -> None:
    assert read("Why is the app so slow?", "banking").intents[0] == "complaint"


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


@pytest.mark.parametrize(
    "text",
    [
        "It keeps coffee hot for 6 hours.",
        "I can wear them for 8 hours.",
        "It plays for 30 hours.",
        "It holds a charge for three hours.",
        "It can hold a charge for 12 hours.",
        "The phone plays music for 30 hours",
        "We spent 3 days here.",
        "We stayed another two weeks.",
        "The past two days were a dream.",
        "After six months of daily use it still looks like the first day.",
        "Slept for ten hours.",
        "It takes 30 minutes to charge.",
        "It takes one hour to the beach on foot.",
        "I would take a 10 hour flight with them any day.",
        "It did not take 3 hours",
        "It took less than two days",
        "It took no more than two days",
        "We did not wait 30 minutes",
        "They came within 2 hours",
    ],
)
def test_a_time_that_is_only_spent_is_no_complaint(text: str) -> None:
    assert "complaint" not in read(text, "ecommerce").intents


@pytest.mark.parametrize(
    "text",
    [
        "Another two hours in line",
        "We were in the queue for three hours",
        "I have been on the phone for 3 hours",
        "It takes 3 weeks to get a reply",
        "After 50 minutes of queueing",
    ],
)
def test_a_time_beside_a_word_that_waits_is_a_complaint(text: str) -> None:
    assert read(text, "ecommerce").intents[0] == "complaint"


@pytest.mark.parametrize(
    "text",
    ["We waited for 2 hours", "We waited outside in the cold for 2 hours", "Two of us were delayed for 2 hours"],
)
def test_a_wait_that_a_word_of_feeling_tells_counts_once(text: str) -> None:
    assert read(text).polarity == read("We waited").polarity


def test_two_waits_count_twice() -> None:
    once, twice = read("It took 2 hours").polarity, read("It took 2 hours. It took 3 days").polarity
    assert once is not None
    assert twice is not None
    assert twice < once


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


@pytest.mark.parametrize(
    "text",
    [
        "The room was not clean or quiet enough.",
        "The room was not clean and quiet enough.",
        "Not friendly with kids or old enough",
        "They can't be friendly for long enough",
        "Do not trust the nice photos enough",
        "I cannot recommend it and that is enough",
        "The bed was not clean or comfortable",
    ],
)
def test_enough_makes_no_praise_of_what_is_denied(text: str) -> None:
    assert side(text) == "negative"


@pytest.mark.parametrize(
    "text", ["The food was anything but fresh.", "The room was anything but clean.", "It was nothing but problems"]
)
def test_anything_but_denies(text: str) -> None:
    assert side(text) == "negative"


def test_nothing_but_denies_nothing() -> None:
    assert side("We heard nothing but praise and met nothing but friendly people") == "positive"


@pytest.mark.parametrize(
    "text",
    [
        "The staff could not have been nicer.",
        "They couldn't have been more helpful.",
        "It could not be simpler.",
        "I would not change a thing.",
        "I wouldn't change a thing.",
        "We did not want to leave.",
        "We would not stay anywhere else.",
        "Wouldn't buy anything else.",
        "It doesn't get better than this.",
        "The staff couldn't do enough for us.",
    ],
)
def test_praise_in_the_words_of_denial(text: str) -> None:
    assert side(text) == "positive"
    assert read(text).actionability == "no_response"


def test_who_uses_nothing_else_stays() -> None:
    seen = read("I will not use anything else.", "ecommerce")
    assert seen.behaviour == ("return",)
    assert "churn_threat" not in seen.intents


def test_it_could_not_be_worse() -> None:
    assert side("It could not be worse") == "negative"
    assert side("Can't get any worse") == "negative"


@pytest.mark.parametrize("text", ["Not a single problem", "There was not a single delay", "No bugs"])
def test_not_a_single_fault(text: str) -> None:
    assert side(text, "ecommerce") == "positive"


def test_not_a_single_hint() -> None:
    assert side("Not a single hair on it.") == "none"


@pytest.mark.parametrize(
    "text", ["没遇到bug", "用了半年没发现任何bug", "没发现任何crash", "没有发现problem", "从来没crash"]
)
def test_a_chinese_negator_denies_an_english_fault(text: str) -> None:
    assert side(text, "ecommerce") == "positive"


def test_a_chinese_negator_far_before_an_english_fault_denies_something_else() -> None:
    assert side("没收到上个星期一下单的那一件东西客服一直说是bug", "ecommerce") == "negative"


@pytest.mark.parametrize(
    "text", ["Can't wait to be back", "Cannot wait for our next stay", "We can't wait for the summer", "Can't wait!"]
)
def test_who_cannot_wait_looks_forward(text: str) -> None:
    assert side(text) == "positive"


@pytest.mark.parametrize(
    "text",
    [
        "Can't wait to get off this plane.",
        "Can't wait to leave",
        "I can't wait another minute.",
        "I cannot wait any longer for my refund.",
        "I can't wait that long for my money.",
        "I can't wait two weeks for a card.",
        "Can't wait to never fly with you again.",
    ],
)
def test_who_cannot_wait_has_had_enough(text: str) -> None:
    assert side(text, "airline") == "negative"


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


@pytest.mark.parametrize(
    "text",
    ["I do not eat meat.", "Nobody sat next to us", "The room isn't on the first floor", "We did not. They did not."],
)
def test_hints_alone_ask_for_nothing(text: str) -> None:
    seen = read(text)
    assert seen.intents == ()
    assert seen.actionability == "no_response"


@pytest.mark.parametrize("text", ["I can't log in", "It won't turn on", "We cannot find our bags", "It wont start"])
def test_what_a_customer_cannot_do_asks_for_an_answer(text: str) -> None:
    seen = read(text, "ecommerce")
    assert seen.intents == ("complaint",)
    assert seen.actionability == "response_needed"


@pytest.mark.parametrize(
    "text", ["I can't complain", "You won't regret it", "I can't live without it", "I won't hesitate"]
)
def test_what_nobody_could_is_praise(text: str) -> None:
    assert read(text).intents == ("praise",)


def test_a_hint_beside_a_word_that_is_bad_complains() -> None:
    assert read("I can't log in, the app is broken", "ecommerce").intents[0] == "complaint"


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


@pytest.mark.parametrize(
    "text",
    [
        "退款原因（选填：）",
        "清单（见第二页：）",
        "Reason (optional:)",
        "Weight <3 kg",
        "Size <30",
        "数量<3个",
        "Rated <3 stars",
        "Back home :( (see the list:)",
    ],
)
def test_what_only_looks_like_a_smile(text: str) -> None:
    assert side(text) != "positive"


@pytest.mark.parametrize(
    "text",
    ["We had (most of) it :)", "(Back again :))", "Stayed in 12 <3", "We <3 this", "Back :( but home :)", "1) :)"],
)
def test_smiles_beside_brackets(text: str) -> None:
    assert read(text).intents[-1:] == ("praise",) or "complaint" in read(text).intents


def test_nothing_turns_a_face() -> None:
    assert side("I am not :(") == "negative"
    assert side("It is not 12 :)") == "positive"


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
        "Flight to Los Angeles on Monday",
        "Flying from Dulles to Boston tomorrow",
        "I bought a fund last week",
        "Which funds are in it",
        "We ordered chicken tenders",
        "A bag of crisps",
        "I was fasting on that day",
        "The Roman ruins are around the corner",
        "Where do I pay fines",
        "Our room overlooked the sea",
        "The housekeeper left us a bottle of wine",
        "The view left me speechless",
        "The beach is down the street",
        "The owners are down to earth",
        "Sticky toffee pudding",
        "We were starving and the food came in minutes",
        "We arrived exhausted",
        "It does what it's supposed to do",
        "Threw out my old one",
        "Removes every stain, even red wine",
        "Ideally on the second floor",
        "We ate at Zippy's and Happy's",
        "I did not want to leave a note",
    ],
)
def test_words_that_only_look_like_feelings(text: str) -> None:
    assert side(text) == "none"


@pytest.mark.parametrize(
    "text", ["Rooms flooded with light", "We felt spoiled the whole stay", "They caught the fraud before I did"]
)
def test_bad_words_that_praise_in_company(text: str) -> None:
    assert side(text) == "positive"


@pytest.mark.parametrize(
    "text",
    [
        "They left us hanging",
        "Your website is down",
        "The floor was sticky",
        "The milk was spoiled",
        "The bathroom was flooded",
        "Our flight was supposed to leave at 9",
        "They threw my bag",
        "There were stains on the carpet",
    ],
)
def test_words_that_are_bad_in_bad_company(text: str) -> None:
    assert side(text) == "negative"


def test_pretty_is_a_degree_in_front_of_another_word() -> None:
    assert side("Pretty bad") == "negative"
    assert side("Pretty good") == "positive"


@pytest.mark.parametrize(
    ("pack", "text"),
    [
        ("catering", "Do you have vegan options?"),
        ("catering", "Is there a kids menu?"),
        ("hotel", "Can I get a late checkout?"),
        ("airline", "What time does check-in open?"),
        ("banking", "How do I reset my PIN?"),
    ],
)
def test_who_asks_neither_praises_nor_complains(pack: str, text: str) -> None:
    seen = read(text, pack)
    assert seen.intents == ("question",)
    assert seen.actionability == "response_needed"
    assert {tag.polarity for tag in seen.tags} == {"neutral"}


@pytest.mark.parametrize("text", ["This is it, the worst room ever", "The problem is there is no lift"])
def test_what_asks_only_where_it_comes_first_is_no_question_elsewhere(text: str) -> None:
    assert "question" not in read(text, "hotel").intents


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


def test_no_entry_is_cut_in_two() -> None:
    entries = (*OPINIONS, *NEGATORS, *(phrase for phrases in CUES.values() for phrase in phrases))
    assert [phrase for phrase in entries if phrase.isascii() and phrase[0].isalnum() and len(split(phrase)) > 1] == []


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
        ":)",
        "(:) ",
        " :( ",
        "<3 ",
        "in line for 2 hours ",
        "took 2 hours ",
        "not clean or ",
        "couldn't recommend a a a a ",
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
