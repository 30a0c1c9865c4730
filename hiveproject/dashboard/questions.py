"""Questions to the operator, and the operator's own: reading, answering, asking."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from broker import questions
from broker.models import Question
from broker.policy import OPERATOR
from broker.questions import QuestionRefused
from broker.sending import Sender, SendRefused
from hiveproject.dashboard.forms import AnswerForm
from hiveproject.dashboard.messages import came_from
from hiveproject.dashboard.requests import HiveRequest, done, operators_only, refused, show

PANELS = {"question": "questions/_question.html"}


def question_page(request: HiveRequest, question_id: int) -> HttpResponse:
    question = _existing(question_id)
    context = {"question": question, "topics": f"questions:{question.pk}"}
    return show(request, "questions/question.html", PANELS, context)


@operators_only
def answer(request: HiveRequest, question_id: int) -> HttpResponse:
    """The options that were chosen, one on a line, and below them what was typed."""
    question, form, back = _existing(question_id), AnswerForm(request.POST), came_from(request)
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    chosen = request.POST.getlist("choice")
    if not set(chosen) <= set(question.options) or (len(chosen) > 1 and not question.multi):
        return refused(request, "Nothing was answered: that was not offered. Reload the page and choose again.", back)
    text = "\n".join([*chosen, form.cleaned_data["text"]]).strip()
    try:
        questions.answer(Sender.operator(request.user.get_username()), question.pk, text)
    except (QuestionRefused, SendRefused) as refusal:
        return refused(request, f"Nothing was answered: {refusal}.", back)
    return done(request, f"{question.asker} gets your answer.", back)


def _existing(question_id: int) -> Question:
    """One that the operator was asked or has asked."""
    mine = Question.objects.filter(Q(target=OPERATOR) | Q(asker=OPERATOR))
    return get_object_or_404(mine, pk=question_id)


def url(question: Question) -> str:
    return reverse("question", args=[question.pk])
