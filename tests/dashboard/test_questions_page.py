"""Questions to the operator and dead letters on the dashboard."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from broker import deadletters, questions
from broker.models import Delivery, Message, Question
from broker.sending import Sender, send
from tests import builders

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ALICE = Sender.agent("alice")


@pytest.fixture(autouse=True)
def swarm() -> None:
    builders.agent("alice")
    builders.agent("bob")


def test_a_question_stands_in_the_attention_queue_with_its_options(client: Client) -> None:
    question = questions.ask(ALICE, "operator", "Red <b>or</b> blue?", options=["red", "blue & green"])
    page = client.get("/").content.decode()
    assert "alice asks" in page
    assert "Red &lt;b&gt;or&lt;/b&gt; blue?" in page
    assert '<button name="choice" value="blue &amp; green">' in page
    assert f'action="/questions/{question.pk}/answer/"' in page


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"choice": "red"}, "red"),
        ({"text": "mauve"}, "mauve"),
        ({"choice": "red", "text": "but light"}, "red\nbut light"),
    ],
)
def test_an_option_or_other_words_are_an_answer(client: Client, given: dict[str, str], answer: str) -> None:
    question = questions.ask(ALICE, "operator", "Which?", options=["red", "blue"])
    response = client.post(f"/questions/{question.pk}/answer/", given)
    assert response.headers["Location"] == "/"
    question.refresh_from_db()
    assert (question.state, question.answer, question.answered_by) == ("answered", answer, "ada")
    reply = Message.objects.get(kind="question_answered")
    assert (reply.provenance, reply.author) == ("operator", "ada")


def test_several_may_be_chosen_where_that_was_offered(client: Client) -> None:
    one = questions.ask(ALICE, "operator", "Which?", options=["a", "b"])
    many = questions.ask(ALICE, "operator", "Which?", options=["a", "b"], multi=True)
    assert 'type="checkbox" name="choice"' in client.get(f"/questions/{many.pk}/").content.decode()
    assert client.post(f"/questions/{one.pk}/answer/", {"choice": ["a", "b"]}, headers=HTMX).status_code == 409
    assert client.post(f"/questions/{many.pk}/answer/", {"choice": ["a", "b"]}, headers=HTMX).status_code == 204
    assert Question.objects.get(pk=many.pk).answer == "a\nb"


@pytest.mark.parametrize("given", [{}, {"text": " "}, {"choice": "c"}, {"choice": ["a", "c"]}])
def test_what_is_no_answer_is_refused(client: Client, given: dict[str, object]) -> None:
    question = questions.ask(ALICE, "operator", "Which?", options=["a", "b"], multi=True)
    assert client.post(f"/questions/{question.pk}/answer/", given, headers=HTMX).status_code == 409
    question.refresh_from_db()
    assert question.state == "open"


def test_a_second_answer_is_told_that_it_is_late(client: Client) -> None:
    question = questions.ask(ALICE, "operator", "Which?")
    client.post(f"/questions/{question.pk}/answer/", {"text": "one"})
    late = client.post(f"/questions/{question.pk}/answer/", {"text": "two"}, headers=HTMX)
    assert late.status_code == 409
    assert "answered already" in late.headers["HX-Trigger"]
    assert "one" in client.get(f"/questions/{question.pk}/").content.decode()


def test_who_may_only_look_cannot_answer(guest: Client) -> None:
    question = questions.ask(ALICE, "operator", "Which?", options=["a"])
    assert "Which?" in guest.get("/").content.decode()
    assert "/answer/" not in guest.get("/").content.decode()
    assert guest.post(f"/questions/{question.pk}/answer/", {"text": "x"}).status_code == 403


def test_questions_among_agents_are_not_the_operators(client: Client) -> None:
    question = questions.ask(ALICE, "bob", "psst?")
    assert "alice asks" not in client.get("/").content.decode()
    assert client.get(f"/questions/{question.pk}/").status_code == 404
    assert client.post(f"/questions/{question.pk}/answer/", {"text": "x"}).status_code == 404


class TestDeadLetters:
    @pytest.fixture(autouse=True)
    def dead(self) -> list[Delivery]:
        for number in range(3):
            send(ALICE, "bob", f"gone {number} <i>", ttl_seconds=1)
        deadletters.expire_due(timezone.now() + timedelta(hours=1))
        return list(deadletters.waiting())

    def test_the_attention_queue_leads_to_them(self, client: Client) -> None:
        page = client.get("/").content.decode()
        assert "3 messages could not be delivered" in page
        assert 'href="/messages/dead/"' in page
        page = client.get("/messages/dead/").content.decode()
        assert "gone 0 &lt;i&gt;" in page
        assert "it expired before it could be delivered" in page

    def test_each_is_tried_again_or_given_up(self, client: Client, dead: list[Delivery]) -> None:
        client.post("/messages/dead/retry/", {"delivery": dead[0].pk})
        client.post("/messages/dead/discard/", {"delivery": dead[1].pk})
        late = client.post("/messages/dead/retry/", {"delivery": dead[1].pk}, headers=HTMX)
        assert late.status_code == 409
        states = [Delivery.objects.get(pk=each.pk).state for each in dead]
        assert states == ["queued", "discarded", "dead"]

    def test_all_are_given_up_together(self, client: Client) -> None:
        client.post("/messages/dead/discard/", {"delivery": "all"})
        assert deadletters.count() == 0

    @pytest.mark.parametrize("chosen", ["", "x", "-1", "9" * 19])
    def test_nothing_chosen_is_nothing_done(self, client: Client, chosen: str) -> None:
        assert client.post("/messages/dead/discard/", {"delivery": chosen}, headers=HTMX).status_code == 409
        assert deadletters.count() == 3

    def test_who_may_only_look_cannot_decide(self, guest: Client, dead: list[Delivery]) -> None:
        assert "Try again" not in guest.get("/messages/dead/").content.decode()
        assert guest.post("/messages/dead/retry/", {"delivery": dead[0].pk}).status_code == 403


class TestMessageList:
    def test_it_pages_through_everything(self, client: Client) -> None:
        for number in range(50):
            send(ALICE, "bob", f"number-{number:02}")
        first = client.get("/messages/").content.decode()
        assert "number-49" in first
        assert "number-09" not in first
        older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        second = client.get(f"/messages/{older}").content.decode()
        assert "number-09" in second
        assert "number-10" not in second

    def test_it_searches(self, client: Client) -> None:
        send(ALICE, "bob", "the zeppelin")
        send(ALICE, "operator", "zeppelins <script>")
        both = client.get("/messages/", {"q": "zeppelin*"}).content.decode()
        assert ("the zeppelin" in both, "zeppelins &lt;script&gt;" in both) == (True, True)
        bobs = client.get("/messages/", {"q": "zeppelin*", "agent": "bob"}).content.decode()
        assert ("the zeppelin" in bobs, "zeppelins &lt;" in bobs) == (True, False)
        assert "No message matches" in client.get("/messages/", {"q": "nonesuch"}).content.decode()

    @pytest.mark.parametrize("q", ['"', "AND OR (", 'a" OR body:x', "* *", "NEAR(", "\0", "^x -y", "-", "ünïcödé"])
    def test_no_query_breaks_it(self, client: Client, q: str) -> None:
        send(ALICE, "bob", "x")
        assert client.get("/messages/", {"q": q}).status_code == 200

    def test_only_one_partys_messages_without_a_word(self, client: Client) -> None:
        send(ALICE, "operator", "to the operator")
        send(ALICE, "bob", "to bob")
        page = client.get("/messages/", {"agent": "bob"}).content.decode()
        assert ("to bob" in page, "to the operator" in page) == (True, False)
