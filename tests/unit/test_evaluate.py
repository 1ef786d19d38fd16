"""``make eval`` on sets made here: which rows it takes, what it compares, how it judges what is promised."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.voice.understanding import Understanding
from infra.model import evaluate, given, measures, metrics, peers, stopwatch
from infra.model.measures import Figure, Probe, Table
from infra.model.metrics import Interval

GOOD, BAD = "质量很好，非常满意", "物流太慢，客服态度很差"


def folder(place: Path, **sets: Iterable[dict[str, Any]]) -> Path:
    for name, rows in sets.items():
        with gzip.open(place / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps({"split": "dev", **row}, ensure_ascii=False) + "\n" for row in rows)
    return place


def probe(place: Path, **sets: Iterable[dict[str, Any]]) -> Probe:
    """By the lexicon alone, on the dev rows."""
    return Probe(folder(place, **sets), "dev", None)


def by_id(table: Table) -> dict[str, Figure]:
    return {one.id: one for one in table.figures}


# --- rows ---------------------------------------------------------------------------------------------------------


def test_only_rows_of_the_split_are_read(tmp_path: Path) -> None:
    rows = [{"t": GOOD, "y": 1, "cat": "书籍"}, {"t": BAD, "y": 0, "cat": "书籍", "split": "train"}]
    assert [row["t"] for row in probe(tmp_path, shop=rows).rows("shop")] == [GOOD]


@pytest.mark.parametrize(("split", "read"), [("dev", [GOOD]), ("test", [GOOD, BAD]), ("train", [])])
def test_a_row_without_a_split_is_measured_and_trains_nothing(tmp_path: Path, split: str, read: list[str]) -> None:
    rows: list[dict[str, Any]] = [{"t": GOOD, "y": 1}, {"t": BAD, "y": 0, "split": "test"}]
    with gzip.open(tmp_path / "shop.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    assert [row["t"] for row in Probe(tmp_path, split, None).rows("shop")] == read


def test_of_a_set_that_is_only_measured_every_row_is_read(tmp_path: Path) -> None:
    rows = [{"t": GOOD, "y": 1}, {"t": BAD, "y": 0, "split": "train"}, {"t": BAD, "y": 0, "split": "test"}]
    assert len(probe(tmp_path, eprstmt=rows).rows("eprstmt")) == 3


def test_sets_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    here = probe(tmp_path, shop=[{"t": GOOD, "y": 1, "cat": "手机"}])
    figures = by_id(measures.polarity(here))
    assert set(figures) == {"shop@100", "shop@95", "shop@90", "shop@80", "shop 手机"}
    assert evaluate.unmeasured(folder(tmp_path, banking77=[])) == ["banking77"]


# --- polarity -----------------------------------------------------------------------------------------------------


def reading(positive: float) -> Understanding:
    return Understanding(polarity=positive)


def test_a_voice_is_good_from_one_half_up() -> None:
    found = measures.verdicts([reading(0.5), reading(0.49), reading(0.9), Understanding()], [True, False, False, True])
    assert found.right == [True, True, False, True]
    assert found.sure == pytest.approx([0.5, 0.51, 0.9, 0.0])


def test_car_posts_that_are_neutral_or_say_both_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"t": "油耗很高", "labels": [["油耗", -1], ["价格", 0]]},
        {"t": "油耗怎么样", "labels": [["油耗", 0]]},
        {"t": "动力很好，油耗很高", "labels": [["动力", 1], ["油耗", -1]]},
    ]
    assert len(measures.of_cars(probe(tmp_path, bdci_car=rows)).right) == 1


def test_slices_are_cut_by_the_words_that_are_in_the_text(tmp_path: Path) -> None:
    texts = ("很好但是太贵", "很好，不贵", "很好", "就是太慢")
    rows = [{"t": text, "y": 1, "cat": "手机"} for text in texts]
    found = by_id(measures.slices(probe(tmp_path, shop=rows)))
    assert [found[name].found.n for name in ("contrast", "no contrast", "negation", "no negation")] == [2, 2, 1, 3]
    gap = found["no negation"].found.value - found["negation"].found.value
    assert found["negation gap"].found.value == pytest.approx(gap)


# --- topics -------------------------------------------------------------------------------------------------------


def test_topics_are_compared_in_the_words_of_the_set(tmp_path: Path) -> None:
    rows = [
        {"t": "物流太慢", "labels": [["物流", -1]]},
        {"t": "物流太慢", "labels": [["物流", 1]]},
        {"t": "物流太慢", "labels": [["价格", -1]]},
    ]
    found = by_id(measures.topics(probe(tmp_path, zhijiang=rows)))
    assert found["zhijiang topics micro"].found.value == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert found["zhijiang topics macro"].found.value == pytest.approx((4 / 5 + 0) / 2)
    assert found["zhijiang pairs"].found.value == pytest.approx(2 * 1 / (2 * 1 + 2 + 2))
    assert found["zhijiang topics micro, lexicon"].found == found["zhijiang topics micro"].found


def test_a_claimed_pair_is_right_when_topic_and_polarity_are(tmp_path: Path) -> None:
    rows = [{"t": "物流太慢", "labels": [["物流", -1]]}, {"t": "物流太慢", "labels": [["物流", 1]]}]
    found = measures.of_tags(probe(tmp_path, zhijiang=rows), "zhijiang")
    assert found.right == [True, False]
    assert all(0 < sure <= 1 for sure in found.sure)


# --- given the clause ---------------------------------------------------------------------------------------------


def test_an_aspect_and_its_opinion_are_looked_for_where_they_stand_closest() -> None:
    text = "包装好，物流快。包装差"
    row = {"t": text, "q": [["包装", "差", "包装", -1], ["_", "快", "物流", 1], ["_", "没有的", "物流", 1]]}
    found = [(text[one.start : one.end], one.sign) for one in given.SOURCES["zhijiang"](row)]
    assert found == [("包装差", -1), ("快", 1)]


def test_places_of_triplets_count_tokens_and_include_both_ends() -> None:
    row = {"tok": ["味", "道", "，5", "星", "差"], "q": [[0, 1, 4, 4, -1]]}
    (one,) = given.SOURCES["zhang_rest_triplets"](row)
    assert (one.text, one.start, one.end, one.sign) == ("味道，5星差", 0, 6, -1)


def test_an_aspect_that_is_not_spoken_has_no_place() -> None:
    row = {"tok": ["难", "吃", "！"], "q": [[-1, -1, 0, 1, -1], [-1, -1, -1, -1, 1]]}
    (one,) = given.SOURCES["zhang_rest_triplets"](row)
    assert (one.start, one.end, one.sign) == (0, 2, -1)


def test_a_term_is_put_back_where_it_stood() -> None:
    (one,) = given.SOURCES["absa_camera"]({"t": "而且$T$鲜艳", "term": "色彩", "y": "Positive"})
    assert (one.text, one.text[one.start : one.end], one.sign) == ("而且色彩鲜艳", "色彩", 1)


def test_the_judge_reads_the_clause_that_the_opinion_stands_in(tmp_path: Path) -> None:
    judge = given.ClauseJudge(probe(tmp_path), "ecommerce")
    text = "质量非常好，物流太慢了"
    signs = {judge.sign(given.Opinion(text, text.find(word), text.find(word) + 2, 1)) for word in ("质量", "物流")}
    assert signs == {1, -1}


# --- what is promised, and how it is shown ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "falls", "verdict"),
    [(0.93, False, "aim"), (0.92, False, "aim"), (0.915, False, "met"), (0.90, False, "below"), (0.93, True, "below")],
)
def test_a_figure_says_which_bar_it_reaches(value: float, falls: bool, verdict: str) -> None:
    bars = (0.92, 0.92) if falls else (0.91, 0.92)
    assert Figure("x", "x", Interval(value, 0, 1, 100), *bars, falls=falls).verdict == verdict


def test_what_was_not_measured_reaches_no_bar() -> None:
    assert Figure("x", "x", metrics.share(0, 0), 0.91, 0.92).verdict == "below"


def test_nothing_is_said_of_a_figure_of_which_nothing_is_promised() -> None:
    assert measures.figure("shop 书籍", "books", metrics.share(1, 2)).verdict == ""


def test_every_promise_belongs_to_a_figure_that_is_measured(tmp_path: Path) -> None:
    document = {"t": GOOD, "y": 1, "cat": "手机"}
    here = probe(
        tmp_path,
        **{name: [document] for name in measures.DOCUMENTS},
        zhijiang=[{"t": BAD, "labels": [["物流", -1]], "q": [["物流", "太慢", "物流", -1]]}],
        bdci_car=[{"t": "油耗很高", "labels": [["油耗", -1]]}],
        aichallenger=[{"t": "味道很好", "labels": [["dish_taste", 1]]}],
    )
    found = {one.id for name in evaluate.QUALITY for one in evaluate.TABLES[name](here).figures}
    assert not {*measures.PROMISES, *measures.CEILINGS} - found


def test_the_command_prints_the_tables_and_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"t": GOOD, "y": 1, "cat": "手机"}, {"t": BAD, "y": 0, "cat": "手机"}]
    out = tmp_path / "out" / "eval.json"
    arguments = ["--data", str(folder(tmp_path, shop=rows)), "--tables", "polarity", "--lexicon", "--out", str(out)]
    assert evaluate.main(arguments) == 0
    printed = capsys.readouterr().out
    written = json.loads(out.read_text("utf-8"))
    assert (written["split"], written["model_version"]) == ("dev", "lexicon")
    (table,) = written["tables"]
    assert {figure["id"] for figure in table["figures"]} >= {"shop@100", "shop 手机"}
    assert all(figure["title"] in printed for figure in table["figures"])


def test_a_set_with_a_row_that_lacks_a_member_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = folder(
        tmp_path,
        zhijiang=[{"t": BAD, "labels": [["物流", -1]]}, {"t": BAD}],
        bdci_car=[{"t": "油耗很高", "labels": [["油耗", -1]]}],
        shop=[{"t": GOOD, "y": 1, "cat": "手机"}, {"y": 1, "cat": "手机"}],
        waimai=[{"t": GOOD, "y": 1}],
    )
    out = tmp_path / "eval.json"
    assert evaluate.main(["--data", str(data), "--lexicon", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    tables = {table["title"][0]: table for table in reversed(json.loads(out.read_text("utf-8"))["tables"])}
    found = {number: {figure["id"] for figure in table["figures"]} for number, table in tables.items()}
    assert "Left out: zhijiang, a row of it has no 'labels'." in printed
    assert "Left out: shop, a row of it has no 't'." in tables["1"]["notes"]
    assert "bdci_car pairs" in found["2"]
    assert not {"zhijiang pairs", "shop@100"} & set().union(*found.values())
    assert "waimai@100" in found["1"]
    assert "hard cases" in found["3"]
    assert {"waimai calibration", "bdci_car calibration"} <= found["4"]


def test_a_table_that_reads_a_broken_set_some_other_way_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, Any]] = [{"t": "很好", "split": "train"}, {"t": GOOD, "y": 1, "cat": "手机"}]
    tables = {**evaluate.TABLES, "speed": lambda here: Table("", [], peers._training(here))}
    monkeypatch.setattr(evaluate, "TABLES", tables)
    found = evaluate.measure(folder(tmp_path, shop=rows), "dev", None, ["speed", "polarity"])
    assert (found[0].title, found[0].figures) == ("speed", [])
    assert "no 'y'" in found[0].notes[0]
    assert "shop@100" in by_id(found[1])


def test_a_folder_without_sets_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--data", str(tmp_path)]) == 2
    assert "There is no *.jsonl.gz in" in capsys.readouterr().err


def test_what_was_measured_is_recorded_and_what_was_promised_stands_in_the_readme() -> None:
    promised, other = (
        Figure("a", "A", Interval(0.915, 0.9, 0.93, 500), 0.91, 0.92),
        Figure("b", "B", Interval(1, 1, 1, 3)),
    )
    recorded = evaluate.record([Table("1. Some", [promised, other], ["A note."])], "dev", "v1")
    row = "| A | .915 | .900 - .930 | 500 | .910 → .920 | met |"
    assert "Model `v1`, dev rows." in recorded
    assert row in recorded.splitlines()
    assert "| B | 1.000 | 1.000 - 1.000 | 3 |  |  |" in recorded.splitlines()
    before = f"above\n{evaluate.BEGIN}\nold\n{evaluate.END}\nbelow\n"
    after = evaluate.with_promises(before, recorded)
    head = evaluate.HEAD.format(spread="interval")
    assert after == f"above\n{evaluate.BEGIN}\n{head}\n{evaluate.RULE}\n{row}\n{evaluate.END}\nbelow\n"
    assert evaluate.with_promises(after, recorded) == after


# --- speed --------------------------------------------------------------------------------------------------------


def test_the_stopwatch_takes_the_quickest_round() -> None:
    seen: list[str] = []
    spent = stopwatch.seconds(lambda text: bool(seen.append(text)), ["a", "b"], rounds=3)
    assert seen == ["a", "b"] * 3
    assert 0 <= spent < 1


def test_fasttext_learns_from_train_rows_only_one_character_a_word(tmp_path: Path) -> None:
    rows = [{"t": "很好", "y": 1, "split": "train"}, {"t": "太差", "y": 0}]
    assert peers._training(probe(tmp_path, shop=rows)) == ["__label__good 很 好"]


def test_texts_are_taken_by_their_length() -> None:
    rows = [{"t": "好" * length} for length in (19, 20, 24, 25)]
    assert [len(text) for text in peers._of_length(rows, *peers.SHORT)] == [20, 24]
