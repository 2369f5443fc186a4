from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.notes.search.base import folded, words_of
from app.notes.search.snippets import LONGEST, snippet_of


def marked(text: str, asked: str) -> list[str]:
    snippet = snippet_of(text, words_of(asked))
    return [snippet.text[begin:end] for begin, end in snippet.marks]


def test_words_are_marked_as_they_were_written() -> None:
    assert marked("The CAFÉ was released, and the contracts too.", "cafe release contract") == [
        "CAFÉ",
        "released",
        "contracts",
    ]


def test_a_long_text_is_cut_around_the_first_word_that_was_found() -> None:
    text = "before " * 100 + "the contract is signed " + "after " * 100
    snippet = snippet_of(text, ["contract"])
    assert snippet.text.startswith("… ")
    assert snippet.text.endswith(" …")
    assert [snippet.text[begin:end] for begin, end in snippet.marks] == ["contract"]
    assert len(snippet.text) <= LONGEST + 4


def test_of_what_was_found_by_likeness_alone_the_beginning_is_shown() -> None:
    snippet = snippet_of("Nothing\nof the\tkind.", ["contract"])
    assert (snippet.text, snippet.marks) == ("Nothing of the kind.", ())
    assert snippet_of("Nothing.", []).marks == ()


@given(st.text(max_size=900), st.text(max_size=40))
def test_marks_are_words_of_the_snippet(text: str, asked: str) -> None:
    words = words_of(asked)
    snippet = snippet_of(text, words)
    assert len(snippet.text) <= LONGEST + 4
    for begin, end in snippet.marks:
        assert folded(snippet.text[begin:end]).startswith(tuple(words))
