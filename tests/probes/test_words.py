"""Words in both languages, and what is put together of them."""

from __future__ import annotations

from probes.core.words import NOTHING, Words, cleaned, joined, say

SILENT = Words("im lặng", "silent")


def test_what_is_said_is_shown_in_the_readers_language_and_a_persons_own_text_as_it_is() -> None:
    assert (say(SILENT, "vi"), say(SILENT, "en")) == ("im lặng", "silent")
    assert say("đang gọi VNPT", "en") == "đang gọi VNPT"
    assert not NOTHING and SILENT


def test_words_and_texts_are_joined_in_both_languages_without_what_is_empty() -> None:
    assert joined((SILENT, "", NOTHING, "router"), ": ") == Words("im lặng: router", "silent: router")
    assert joined(("a", "", "b")) == "a; b" and joined(()) == ""


def test_both_languages_are_cleaned_and_cut() -> None:
    assert cleaned(Words("a\nb" * 9, "c\x1bd"), 5) == Words("a ba", "c\N{REPLACEMENT CHARACTER}d")
    assert cleaned("x" * 9, 3) == "xxx"
