"""Penalty-reward contrast: the formulas against scipy and by hand, the verdicts by simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chalicelib.domain.reading import needs
from chalicelib.domain.reading.facets import Facets, ScoreFacet
from chalicelib.domain.reading.needs import Moments, Need, Shift, Tally
from tests.builders import AT

SEEDS = 100
VOICES = 2000


def voice(score: float | None = 8, topics: Sequence[tuple[str, str]] = (), **changes: object) -> Facets:
    scores = () if score is None else (ScoreFacet("nps", score),)
    values = {"revision": 1, "occurred_at": AT, "channel": "survey", "severity": "low", "scores": scores}
    return Facets(**{**values, "topics": tuple(topics), **changes})  # type: ignore[arg-type]


def moments(scores: Sequence[float]) -> Moments:
    found = Moments()
    for score in scores:
        found.add(score)
    return found


def counted(voices: Sequence[Facets], kind: str = "nps") -> Tally:
    tally = Tally(kind)
    for one in voices:
        tally.add(one)
    return tally


def verdict_on(topic: str, voices: Sequence[Facets]) -> Need:
    return next(need for need in counted(voices).needs() if need.topic == topic)


def some(number: int, score: float, polarity: str | None, topic: str = "price") -> list[Facets]:
    """``number`` voices around a score: half of them a point above, half a point below."""
    topics = [(topic, polarity)] if polarity else []
    return [voice(score + (1 if place % 2 else -1), topics) for place in range(number)]


# --- formulas -----------------------------------------------------------------------------------------------------

TWO_OR_MORE = st.lists(st.integers(0, 10), min_size=2, max_size=60)


@given(TWO_OR_MORE, TWO_OR_MORE)
def test_an_effect_is_welchs_difference_of_two_means(group: list[int], none: list[int]) -> None:
    found = needs.shift(moments(group), moments(none))
    errors = stats.sem(group) ** 2 + stats.sem(none) ** 2
    assert found is not None
    assert found.value == pytest.approx(sum(group) / len(group) - sum(none) / len(none), abs=1e-9)
    assert found.high - found.low == pytest.approx(2 * 2.24 * math.sqrt(errors), abs=1e-6)


def test_the_interval_is_that_of_scipys_welch_test() -> None:
    group, none = [2, 3, 5, 7, 4, 6, 3, 2], [8, 9, 7, 10, 6, 9, 8, 8, 9, 10]
    found, theirs = needs.shift(moments(group), moments(none)), stats.ttest_ind(group, none, equal_var=False)
    assert found is not None
    standard_error = (found.high - found.low) / 2 / needs.Z_EFFECT
    assert found.value / standard_error == pytest.approx(theirs.statistic)


@pytest.mark.parametrize("base", [0, 1e9, 1e12, 2.0**52])
def test_large_scores_that_differ_little_keep_their_spread(base: float) -> None:
    everybody = moments([0.25, *(base + score for score in (2, 3, 5, 7))])
    apart = everybody.without(moments([0.25]))
    assert apart.mean == base + 4.25
    assert apart.error == pytest.approx(float(stats.sem([2, 3, 5, 7])) ** 2)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=40), st.randoms())
def test_the_order_of_broken_scores_makes_no_difference(scores: list[float], draw: random.Random) -> None:
    mixed = draw.sample(scores, len(scores))
    assert moments(scores) == moments(mixed)
    assert moments(scores).error >= 0


def test_z_is_five_percent_over_two_tests_and_one_sided_five() -> None:
    assert pytest.approx(stats.norm.ppf(1 - 0.05 / 4), abs=0.005) == needs.Z_EFFECT
    assert pytest.approx(stats.norm.ppf(0.95), abs=0.01) == needs.Z_CONTRAST


def test_a_group_of_one_has_no_effect() -> None:
    assert needs.shift(moments([3]), moments([8, 9])) is None
    assert needs.shift(moments([3, 4]), moments([8])) is None


def test_the_contrasts_error_counts_the_shared_mean_twice_when_both_move_apart() -> None:
    bad, well, none = [3, 5, 4], [9, 10, 10], [6, 8, 7, 7]
    difference, error = needs.contrast(moments(bad), moments(well), moments(none))
    assert difference == pytest.approx((7 - 4) - (29 / 3 - 7))
    assert error == pytest.approx(math.sqrt(stats.sem(bad) ** 2 + stats.sem(well) ** 2 + 4 * stats.sem(none) ** 2))


def test_the_shared_mean_falls_out_of_the_contrast_when_both_move_one_way() -> None:
    bad, well, none = [3, 5, 4], [5, 6, 7], [8, 9, 8, 10]
    difference, error = needs.contrast(moments(bad), moments(well), moments(none))
    assert difference == pytest.approx(6 - 4)
    assert error == pytest.approx(math.sqrt(stats.sem(bad) ** 2 + stats.sem(well) ** 2))


@given(st.lists(st.tuples(st.integers(0, 10), st.sampled_from(["negative", "neutral", "positive"])), max_size=30))
def test_the_order_of_the_voices_makes_no_difference(said: list[tuple[int, str]]) -> None:
    voices = [voice(score, [("price", polarity)]) for score, polarity in said]
    assert counted(voices).needs() == counted(voices[::-1]).needs()


# --- who counts where ---------------------------------------------------------------------------------------------


def test_a_voice_counts_for_its_topic_and_for_what_that_hangs_below() -> None:
    tally = counted([voice(3, [("logistics.speed", "negative")]), voice(9)])
    assert [(need.topic, need.bad, need.none) for need in tally.needs()] == [
        ("logistics", 1, 1),
        ("logistics.speed", 1, 1),
    ]


def test_a_voice_that_says_both_is_a_mention_and_neither_bad_nor_good() -> None:
    need = verdict_on("price", [voice(5, [("price", "negative"), ("price", "positive")]), voice(9)])
    assert (need.mentions, need.bad, need.well, need.none) == (1, 0, 0, 1)


def test_a_neutral_word_beside_a_bad_one_leaves_it_bad() -> None:
    need = verdict_on("price", [voice(5, [("price", "negative"), ("price", "neutral")])])
    assert (need.mentions, need.bad) == (1, 1)


def test_a_voice_without_the_score_is_seen_and_counts_nowhere() -> None:
    tally = counted([voice(None, [("price", "negative")]), voice(8)])
    assert (tally.voices, tally.scored, tally.needs()) == (2, 1, [])


def test_of_two_scores_of_a_kind_the_worst_counts() -> None:
    both = voice(
        None, [("price", "negative")], scores=(ScoreFacet("nps", 9), ScoreFacet("nps", 2), ScoreFacet("ces", 1))
    )
    tally = counted([both, both, *(voice(8) for _ in range(3))])
    (need,) = tally.needs()
    assert need.penalty == Shift(-6, -6, -6)


def test_channels_are_counted_apart() -> None:
    voices = [voice(8), voice(7, channel="review"), voice(None, channel="hotline"), voice(2, channel="review")]
    assert counted(voices).channels == {"survey": 1, "review": 2}


def test_another_kind_of_score_is_another_tally() -> None:
    assert counted([voice(8)], kind="csat").scored == 0


# --- verdicts -----------------------------------------------------------------------------------------------------


def test_what_hurts_and_does_not_please_is_a_pain() -> None:
    need = verdict_on("price", some(60, 4, "negative") + some(60, 8, "positive") + some(300, 8, None))
    assert (need.verdict, need.reason["en"]) == ("pain", "Bad mentions cost clearly more than good ones bring.")
    assert need.reason["zh-CN"] == "差评带来的损失明显大于好评带来的提升。"


def test_what_pleases_and_does_not_hurt_is_a_delight() -> None:
    need = verdict_on("price", some(60, 6, "negative") + some(60, 9, "positive") + some(300, 6, None))
    assert (need.verdict, need.reason["en"]) == ("delight", "Good mentions bring clearly more than bad ones cost.")


def test_what_does_both_alike_is_one_dimensional() -> None:
    need = verdict_on("price", some(60, 4, "negative") + some(60, 8, "positive") + some(300, 6, None))
    assert need.verdict == "one_dimensional"


def test_a_wish_that_moves_no_score_is_an_itch() -> None:
    wishing = [voice(7 + place % 2, [("price", "neutral")], wishes=("price",)) for place in range(20)]
    need = verdict_on("price", wishing + some(40, 7.5, "negative") + some(200, 7.5, None))
    assert (need.verdict, need.wish_share) == ("itch", pytest.approx(1 / 3))


def test_a_wish_of_many_whose_score_falls_is_no_itch() -> None:
    wishing = [voice(2 + place % 2, [("price", "negative")], wishes=("price",)) for place in range(40)]
    need = verdict_on("price", wishing + some(40, 7.5, "positive") + some(200, 7.5, None))
    assert need.verdict == "pain"


def test_a_wish_of_few_decides_nothing() -> None:
    wishing = [voice(7 + place % 2, [("price", "neutral")], wishes=("price",)) for place in range(59)]
    assert verdict_on("price", wishing + some(200, 7.5, None)).verdict == "undecided"


def test_a_wish_with_too_few_to_compare_with_decides_nothing() -> None:
    wishing = [voice(7 + place % 2, [("price", "neutral")], wishes=("price",)) for place in range(60)]
    assert verdict_on("price", wishing + some(29, 7.5, None)).verdict == "undecided"
    assert verdict_on("price", wishing).verdict == "undecided"
    assert verdict_on("price", wishing + some(30, 7.5, None)).verdict == "itch"


@pytest.mark.parametrize(("bad", "well", "none"), [(29, 60, 300), (60, 29, 300), (60, 60, 29)])
def test_under_thirty_of_a_kind_nothing_is_decided(bad: int, well: int, none: int) -> None:
    need = verdict_on("price", some(bad, 2, "negative") + some(well, 8, "positive") + some(none, 8, None))
    assert need.verdict == "undecided"
    assert need.reason["en"] == f"{bad} bad and {well} good mentions, {none} without one; 30 of each are needed."


def test_a_score_that_does_not_move_decides_nothing() -> None:
    need = verdict_on("price", some(60, 7, "negative") + some(60, 7, "positive") + some(300, 7, None))
    assert (need.verdict, need.reason["en"]) == (
        "undecided",
        "The score does not move clearly enough with what is said of it.",
    )


# --- by simulation ------------------------------------------------------------------------------------------------


def simulated(seed: int) -> dict[str, str]:
    """Verdicts on four kinds of topics at once, each mentioned by 12 %, half badly: effects of 1.5 points of an sd of 2
    on a scale that is cut at 0 and 10; half of those who mention the latent one wish, 5 % elsewhere."""
    draw = random.Random(seed)
    effects = {"must": (-1.5, 0.0), "attractive": (0.0, 1.5), "latent": (0.0, 0.0), "null": (0.0, 0.0)}
    tally = Tally("nps")
    for _ in range(VOICES):
        score, topics, wishes = draw.gauss(7, 2), [], []
        for topic, (bad, well) in effects.items():
            if draw.random() < 0.12:
                is_bad = draw.random() < 0.5
                score += bad if is_bad else well
                topics.append((topic, "negative" if is_bad else "positive"))
                wishes += [topic] if draw.random() < (0.5 if topic == "latent" else 0.05) else []
        tally.add(voice(min(10, max(0, round(score))), topics, wishes=tuple(wishes)))
    return {need.topic: need.verdict for need in tally.needs()}


def test_simulated_topics_get_the_verdict_that_they_were_made_for() -> None:
    right = dict.fromkeys(("must", "attractive", "latent", "null"), 0)
    wanted = {"must": "pain", "attractive": "delight", "latent": "itch", "null": "undecided"}
    for seed in range(SEEDS):
        found = simulated(seed)
        for topic, verdict in wanted.items():
            right[topic] += found[topic] == verdict
    assert min(right.values()) >= 0.95 * SEEDS, right
