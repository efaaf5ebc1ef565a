"""What differs between two texts, told by paragraphs and words."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.reading.diff import diff_texts, render_plain
from sijill.archive.reading.word_diff import diff_words

ONE = "We, the undersigned, welcome the arrest warrants issued on Monday."
TWO = "Families of the disappeared wait for an answer since 2012."
THREE = "نحن المنظمات الموقعة أدناه نرحب بمذكرات التوقيف الصادرة يوم الاثنين."


def kinds(before, after):
    return [piece.kind for piece in diff_texts(before, after).pieces]


def words(before, after):
    """What was removed and what was added, as it stands in the texts."""
    diff = diff_texts(before, after)
    spans = [span for piece in diff.changed for span in piece.spans]
    removed = [before[one.before.start : one.before.end] for one in spans if one.kind == "removed"]
    added = [after[one.after.start : one.after.end] for one in spans if one.kind == "added"]
    return removed, added


def test_equal_texts_have_only_the_same():
    assert kinds(f"{ONE}\n\n{TWO}", f"{ONE}\n\n{TWO}") == ["same", "same"]
    assert not diff_texts(ONE, ONE).presentation


def test_one_word_is_one_word_in_english_and_arabic():
    assert words(f"{ONE}\n\n{THREE}", f"{ONE.replace('welcome', 'condemn')}\n\n{THREE}") == (["welcome"], ["condemn"])
    assert words(THREE, THREE.replace("نرحب", "نندد")) == (["نرحب"], ["نندد"])
    assert words(THREE, THREE.replace("الموقعة", "الموقِّعة")) == (["الموقعة"], ["الموقِّعة"])
    assert words("on 15 November 2018", "on 16 November 2018") == (["15"], ["16"])


def test_a_moved_paragraph_is_moved_and_the_shorter_one_is_it():
    before, after = f"{ONE}\n\n{TWO}\n\n{THREE}", f"{TWO}\n\n{THREE}\n\n{ONE}"
    diff = diff_texts(before, after)
    assert [piece.kind for piece in diff.pieces] == ["moved-away", "same", "same", "moved-here"]
    moved = diff.pieces[-1]
    assert before[moved.before.start : moved.before.end] == ONE == after[moved.after.start : moved.after.end]
    assert moved.spans == ()
    assert words(before, after) == ([], [])


def test_a_paragraph_that_moved_and_was_edited_is_both():
    diff = diff_texts(f"{ONE}\n\n{TWO}\n\n{THREE}", f"{TWO}\n\n{THREE}\n\n{ONE.replace('welcome', 'reject')}")
    assert [piece.kind for piece in diff.pieces] == ["moved-away", "same", "same", "moved-here"]
    assert [span.kind for span in diff.pieces[-1].spans] == ["kept", "removed", "added", "kept"]


def test_removed_and_added_paragraphs_and_repeated_lines():
    assert kinds(f"{ONE}\n\n{TWO}", ONE) == ["same", "removed"]
    assert kinds(TWO, f"{ONE}\n\n{TWO}") == ["added", "same"]
    stars = f"***\n{ONE}\n***\n{TWO}\n***"
    assert kinds(stars, stars.removeprefix("***\n")) == ["removed", "same", "same", "same", "same"]
    assert kinds("a line\n" * 3, "a line\n" * 4).count("added") == 1
    assert kinds("", "") == []
    assert kinds("", ONE) == ["added"]


@pytest.mark.parametrize(
    "after",
    [
        ONE.replace(" ", "\u00a0 "),
        ONE.replace("undersigned", "under\u200bsigned"),
        f"\u200f{ONE}\n\n\n",
    ],
)
def test_white_space_and_marks_that_nobody_sees_are_no_words(after):
    diff = diff_texts(ONE, after)
    assert diff.changed == ()
    assert diff.presentation


def test_presentation_forms_and_quotation_marks_are_the_same_words():
    assert diff_texts("“سلام” it's", '"ﺳﻼﻡ" it’s').presentation
    assert not diff_texts("10 people", "١٠ people").presentation


def test_plain_text_shows_the_changed_words_and_little_else():
    before = "\n\n".join([f"Paragraph {number} stays as it is." for number in range(50)] + [ONE])
    lines = list(render_plain(diff_texts(before, before.replace("welcome", "condemn"))))
    assert lines == [
        "  … 49 the same …",
        "  Paragraph 49 stays as it is.",
        "~ We, the undersigned, [-welcome-] {+condemn+} the arrest warrants issued on Monday.",
    ]


@given(st.lists(st.sampled_from("abcd"), max_size=14), st.lists(st.sampled_from("abcd"), max_size=14))
def test_runs_cover_both_sides_in_order(old, new):
    row = column = 0
    for run in diff_words(old, new):
        assert (run.before, run.after) == (row, column)
        if run.kept:
            assert old[run.before : run.before_end] == new[run.after : run.after_end] != []
        else:
            assert run.before < run.before_end or run.after < run.after_end
        row, column = run.before_end, run.after_end
    assert (row, column) == (len(old), len(new))


_LINE = st.lists(st.sampled_from(["one", "two", "three", "كلمة", "،", "end."]), min_size=1, max_size=8).map(" ".join)


@given(st.lists(_LINE, max_size=12), st.lists(_LINE, max_size=12))
def test_no_word_of_either_text_is_lost(old, new):
    before, after = "\n".join(old), "\n".join(new)
    diff = diff_texts(before, after)
    there, here = [], []
    for piece in diff.pieces:
        if piece.before is not None and piece.kind != "moved-here":
            there.append(before[piece.before.start : piece.before.end])
        if piece.after is not None and piece.kind != "moved-away":
            here.append(after[piece.after.start : piece.after.end])
        for span in piece.spans:
            if span.kind == "kept":
                left = before[span.before.start : span.before.end].split()
                assert left == after[span.after.start : span.after.end].split()
    assert there == old
    assert here == new


def test_ten_thousand_paragraphs_that_were_shuffled():
    chance = random.Random(1)
    lines = [f"Organisation number {number} of the network" for number in range(10_000)]
    shuffled = chance.sample(lines, len(lines))
    diff = diff_texts("\n".join(lines), "\n".join(shuffled))
    assert {piece.kind for piece in diff.pieces} == {"same", "moved-away", "moved-here"}


def test_a_long_line_without_paragraphs():
    before = "word " * 400_000
    diff = diff_texts(before, before.replace("word", "term", 1))
    assert [span.kind for span in diff.pieces[0].spans] == ["removed", "added", "kept"]
