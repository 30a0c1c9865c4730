"""Whatever is searched for or was said: no text is an operator of the search, and what was said is found."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from broker import search
from broker.search import Query, QueryRefused
from broker.sending import Sender, send
from tests import builders


class TestAnyText(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        builders.agent("dora")

    @settings(max_examples=40, deadline=None)
    @given(st.text(max_size=60))
    def test_no_query_is_anything_but_words(self, text: str) -> None:
        try:
            words = search.parse(text)
        except QueryRefused:
            return
        search.ids(Query(words, "alice"))

    @settings(max_examples=40, deadline=None)
    @given(st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=20))
    def test_a_word_that_was_said_is_found(self, word: str) -> None:
        ident = send(Sender.system(), "dora", f"before {word} after").id
        assert ident in search.ids(Query(search.parse(word), "dora", limit=1000))
