"""Templates of fields: every placeholder has a value, nothing else is taken, and nothing in a value acts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import cards, templates
from chalicelib.domain.voice.understanding import Text
from chalicelib.errors import Invalid
from tests.builders import AT, feedback, message, ticket

SAID = message(ticket=ticket(due_at=AT, touchpoint="delivery"), feedback=feedback())


@pytest.mark.parametrize(
    ("template", "lang", "filled"),
    [
        ("[{severity}] {title}", "en", "[medium] NPS 3/10 贬损者：破损"),
        ("{severity}/{state}", "zh-CN", "中/待受理"),
        ("{unit} {touchpoint} {departments}", "en", "SH-001 Delivery Logistics"),
        ("{score}", "en", "NPS 3/10"),
        ("{words}", "en", "包裹破损，客服没有回应"),
        ("no placeholder", "en", "no placeholder"),
        ("", "en", ""),
        ("{ a }"[:1], "en", "{"),
    ],
)
def test_a_template_is_filled_in(template: str, lang: str, filled: str) -> None:
    assert templates.render(template, SAID, lang) == filled


def test_a_place_is_named_and_a_unit_is_told_by_its_id() -> None:
    assert templates.render("{where}: {unit}", replace(SAID, unit_name="Shop One"), "en") == "Shop One: SH-001"


def test_the_ticket_is_named_and_linked() -> None:
    assert SAID.ticket is not None
    whole = templates.render("{ticket_id} {link}", SAID, "en")
    assert whole == f"{SAID.ticket.id} https://echoloop.example.org/t/{SAID.ticket.id}"


@pytest.mark.parametrize("name", templates.PLACEHOLDERS)
def test_what_a_message_does_not_have_is_empty(name: str) -> None:
    bare = message(ticket=None, feedback=None, base_url="")
    assert templates.render(f"<{{{name}}}>", bare, "en") in ("<>", "<medium>", "<New ticket>")


@pytest.mark.parametrize("template", ["{secret}", "{}", "{title.__class__}", "{0}", "a {Title}"])
def test_an_unknown_placeholder_is_refused_where_it_stands(template: str) -> None:
    with pytest.raises(Invalid, match="A template may name title") as refusal:
        templates.check_map({"a": "{title}", "b": template, "c": 3})
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/templates/b")
    with pytest.raises(Invalid) as late:
        templates.render(template, SAID, "en")
    assert late.value.code == "settings_invalid"


@given(st.text(max_size=60))
def test_a_customers_words_fill_no_placeholder_and_act_nowhere(words: str) -> None:
    voice = feedback(texts=(Text(words + "{link} @all <b>"),))
    filled = templates.render("{words}", replace(SAID, feedback=voice), "en")
    assert "\n" not in filled
    assert not set(filled) & set("<>{}")
    assert "https://echoloop" not in filled


# --- what stands in an item by default --------------------------------------------------------------------------


def test_the_headline_says_what_where_and_by_when() -> None:
    assert cards.headline(SAID, "en", 200) == "MEDIUM · NPS 3/10 贬损者：破损 · SH-001 · by 16:00 on 21 Nov"


@pytest.mark.parametrize("limit", [10, 60, 300, 30_000])
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_texts_keep_to_their_limit(limit: int, lang: str) -> None:
    long = replace(SAID, feedback=feedback(texts=(Text("破" * 5_000),)))
    assert 0 < len(cards.plain_text(long, lang, limit)) <= limit
    assert 0 < len(cards.headline(long, lang, limit)) <= limit


def test_the_customers_words_give_way_before_the_facts_do() -> None:
    long = replace(SAID, feedback=feedback(texts=(Text("破" * 5_000),)))
    text = cards.plain_text(long, "en", 600)
    assert "SH-001" in text
    assert "https://echoloop.example.org/t/" in text
    assert "破破破" in text
