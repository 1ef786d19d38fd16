"""The sums of a stretch in lanes are the sums that columns and table give one by one."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.understanding import lanes
from chalicelib.understanding.rows import Rows
from chalicelib.understanding.weights import Column, Table, Weights
from infra.model.trie import pack

GRAMS = ("好", "好吃", "吃", "不", "不好吃", "慢")
INT8 = st.integers(-128, 127)
WEIGHTS = st.lists(INT8, min_size=len(GRAMS), max_size=len(GRAMS))


def column(name: str, values: list[int]) -> Column:
    return Column(name, [0, *values], 1.0, {})


def table(name: str, values: list[list[int]]) -> Table:
    """One column a list; rows past the fourth have none, as in an artefact."""
    entries = [(place, one[row]) for row in range(4) for place, one in enumerate(values)]
    pointers = [0, *(len(values) * row for row in range(5))]
    arrays = (pointers, [place for place, _ in entries], [value for _, value in entries])
    return Table(name, [f"column {place}" for place in range(len(values))], [1.0] * len(values), arrays, {})


def sums(table: Table, rows: set[int]) -> list[int]:
    """Column by column, entry by entry."""
    totals = [0] * len(table.columns)
    for row in rows:
        for at in range(*table.pointers[row : row + 2]) if row + 1 < len(table.pointers) else ():
            totals[table.places[at]] += table.values[at]
    return totals


@given(WEIGHTS, WEIGHTS, st.lists(WEIGHTS, min_size=1, max_size=20), st.text("好吃不慢 ", max_size=12), st.data())
def test_a_lane_is_the_sum_of_its_column(
    general: list[int], own: list[int], heads: list[list[int]], text: str, data: st.DataObject
) -> None:
    columns = {"document": column("document", general), "document/hotel": column("document/hotel", own)}
    topics = table("topics", heads)
    known = Weights("w", Rows(pack(GRAMS)), columns, {"topics": topics}, {})
    scan = known.scan(text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    rows = scan.within(start, end)
    everywhere = sum(columns["document"].values[row] for row in rows)
    in_pack = everywhere + sum(columns["document/hotel"].values[row] for row in rows)
    found = lanes.for_packs(known, ("hotel",)).sums(scan, start, end)
    assert list(found) == [everywhere, in_pack, *sums(topics, rows)]


def test_no_lane_overflows_however_long_the_stretch() -> None:
    grams = [chr(0x4E00 + place) for place in range(300)]
    columns = {name: column(name, [-128] * 300) for name in ("document", "document/hotel")}
    known = Weights("w", Rows(pack(grams)), columns, {}, {})
    found = lanes.for_packs(known, ("hotel",)).sums(known.scan("".join(grams)), 0, 300)
    assert list(found) == [-128 * 300, -256 * 300]


def test_readers_of_the_same_packs_share_their_lanes() -> None:
    known = Weights("w", Rows(pack(GRAMS)), {"document/hotel": column("document/hotel", [1] * 6)}, {}, {})
    shared = lanes.for_packs(known, ("hotel", "retail"))
    assert shared is lanes.for_packs(known, ("hotel",))
    assert shared.pack == "hotel"
    assert shared.table is None


def test_the_loudest_gram_comes_first_and_what_says_nothing_is_left_out() -> None:
    known = Weights("w", Rows(pack(GRAMS)), {"document": column("document", [3, 5, 0, -4, -9, 0])}, {}, {})
    text = "不好吃慢"
    found = lanes.for_packs(known, ()).loudest(known.scan(text), 0, len(text))
    assert [(text[start:end], weight) for _, start, end, weight in found] == [
        ("不好吃", -9),
        ("好吃", 5),
        ("不", -4),
        ("好", 3),
    ]
