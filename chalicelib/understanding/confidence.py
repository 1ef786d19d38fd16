"""How sure a tag is: the one place for the numbers that turn evidence into probabilities.

A tag of the model carries the model's own calibrated probabilities. Here stands what the lexicon's evidence is worth,
and how a voice's words weigh where the model has nothing to say.
"""

from __future__ import annotations

from math import exp, log
from typing import Final

LINE: Final = 0.5  # below it a tag is shown, routes nothing and asks for a person

# Share of the lexicon's tags whose topic, and whose topic and polarity, were right, by how the evidence stood:
# measured on the train half of zhijiang with the e-commerce pack alone (1,562 tags). A mention of which nothing is said
# counts as neutral, which that set never does: its polarity is the mean over zhijiang, aichallenger and bdci_car.
TOPIC_BY_EVIDENCE: Final = {"own": 0.91, "close": 0.86, "far": 0.83, "next": 0.69, "unsaid": 0.71, "alone": 0.95}
BY_EVIDENCE: Final = {"own": 0.89, "close": 0.79, "far": 0.75, "next": 0.62, "unsaid": 0.32, "alone": 0.88}
UNSURE_ABOVE: Final = 0.35  # a voice whose polarity lies between them is for a person
UNSURE_BELOW: Final = 0.65
SARCASTIC: Final = 0.45  # at most, where words may mean the opposite
# Log-odds of positive of a whole voice by the lexicon alone: BIAS + SLOPE × (log(1 + good) - log(1 + bad)), fitted by
# logistic regression on the train halves of waimai, hotel and shop (1,500 rows each).
LEXICON_BIAS: Final = 0.2
LEXICON_SLOPE: Final = 2.1
# What the model's log-odds gain for every unit of weight where a rule turned the words, which n-grams read the other
# way round.
TURNED_WORDS: Final = 4.0
SCORE: Final = 1.0  # log-odds of a tag for every unit of the lexicon's weight
# Where rules turned the words (see Mood.overruled) the model's log-odds count for this much, and the lexicon's for so.
MODEL_SHARE: Final = 0.25
LEXICON_SHARE: Final = 1.5
MOST: Final = 4.0  # the lexicon's part in log-odds never exceeds this


def sigmoid(log_odds: float) -> float:
    """Probability of log-odds, safe at any size."""
    return 1 / (1 + exp(-max(-30.0, min(30.0, log_odds))))


def bounded(log_odds: float) -> float:
    """Within ± MOST."""
    return max(-MOST, min(MOST, log_odds))


def by_lexicon(good: float, bad: float) -> float:
    """Log-odds of positive of a voice whose words of feeling sum up to ``good`` and ``bad`` (both ≥ 0)."""
    return bounded(LEXICON_BIAS + LEXICON_SLOPE * (log(1 + good) - log(1 + bad)))


def overrule(model: float, good: float, bad: float) -> float:
    """Log-odds of positive where the words were turned round: little of the model's, most by the rules."""
    return MODEL_SHARE * model + LEXICON_SHARE * by_lexicon(good, bad)
