"""A scorer that follows a state: when its texts change, it updates their scores and, on request, the attributions.

The work is done in a thread, so that a slow scorer delays nobody. There is no queue: in each turn the thread reads the
current texts. Results for texts that have changed in the meantime are kept but not shown.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rmlab.explorer.scorer import LoadedLater, RememberingScorer, Scored, is_model
from rmlab.explorer.state import ExplorerState

if TYPE_CHECKING:  # these import torch, for which a page with recorded scores should not wait
    from rmlab.attribution import Attribution, Scorer

__all__ = ["Answers", "pieces"]

TEXTS = ("prompt", "response_a", "response_b")
SETTLE = 0.005  # seconds: a preset sets three texts, one after another
BATCH_TOKENS = 1024  # of an attribution, so that it can be abandoned soon after the next key


class Superseded(Exception):
    """The texts changed, so the result being computed is no longer needed."""


class Answers:
    """Keeps the scores of a state up to date with its texts. One of them answers a state: a later one takes its place.

    Parameters
    ----------
    state
        Its texts are read; its scores, their origin, notice, attribution and error are set.
    scorer
        As for `RememberingScorer`.
    name
        The origin of the scores, as shown.
    second
        The name of another scorer, and the scorer: it answers the same texts after the first, in the trait `second`.
    """

    def __init__(
        self,
        state: ExplorerState,
        scorer: Scorer | LoadedLater,
        name: str,
        *,
        second: tuple[str, Scorer | LoadedLater] | None = None,
    ):
        self.state, self.name = state, name
        self.scorer = RememberingScorer(scorer)
        self.second = None if second is None else (second[0], RememberingScorer(second[1]))
        self._news = threading.Condition()
        self._setting = threading.RLock()  # held while traits are set, which close() awaits
        self._stale = False
        self._running = False
        self._closed = False
        before, state.answers = state.answers, self
        if before is not None:
            before.close()
        state.model, state.answering = name, True
        state.second = {} if second is None else {"name": second[0], "scores": [None, None], "answered": -1}
        state.observe(self._look, [*TEXTS, "request", "explain"])
        self._look()

    def close(self) -> None:
        """Stop answering: nothing is set any more, and an attribution that is being computed is abandoned."""
        if self._closed:
            return
        with self._setting:
            self._closed = True
        self.state.unobserve(self._look, [*TEXTS, "request", "explain"])
        if self.state.answers is self:  # else another one answers
            self.state.answers = None
            self.state.answering = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything is answered; return False if that takes longer than this many seconds."""
        with self._news:
            return self._news.wait_for(lambda: not self._running, timeout)

    def _look(self, _change: Any = None) -> None:
        with self._news:
            self._stale = True
            if not self._running:
                self._running = True
                # not a daemon: a process that ends while torch computes in one is aborted
                threading.Thread(target=self._run, name="rmlab scorer").start()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: False, SETTLE)
                if self._closed or not self._stale:
                    self._running = False
                    self._news.notify_all()
                    return
                self._stale = False
                texts = tuple(getattr(self.state, name) for name in TEXTS)
                request = self.state.request
            try:
                self._answer(texts, request)
            except BaseException as raised:  # raised by an observer of the state; later edits still need answers
                self._fail(raised, request)

    def _answer(self, texts: tuple[str, ...], request: int) -> None:
        prompt, *responses = texts
        conversations, error = self.state.conversations, ""
        try:
            found: list[Scored | None] = list(self.scorer(prompt, responses, conversations=conversations))
        except BaseException as raised:  # whatever somebody's scorer may raise; a tokenizer's panic is no Exception
            error = f"{self.name} gave no score: {type(raised).__name__}: {raised}"
            found = [self.scorer.known(prompt, text, conversations=conversations) for text in responses]
        scores = tuple(None if one is None else one.score for one in found)
        self._set(
            scores=scores, scores_from=self.name, error=error, notice=_notice(found), attribution={}, answered=request
        )
        self._answer_second(prompt, responses, request)
        if self.state.explain and not error and not self._is_superseded():
            self._explain(texts)

    def _answer_second(self, prompt: str, responses: Sequence[str], request: int) -> None:
        if self.second is None or self._is_superseded():
            return
        name, scorer = self.second
        said: dict[str, Any] = {"name": name, "scores": [None, None], "answered": request}
        try:
            said["scores"] = [one.score for one in scorer(prompt, responses, conversations=self.state.conversations)]
        except BaseException as raised:
            said["error"] = f"{name} gave no score: {type(raised).__name__}: {raised}"
        self._set(second=said)

    def _explain(self, texts: tuple[str, ...]) -> None:
        from rmlab.attribution import attribute_difference

        prompt, *responses = given = texts
        conversations, scorer = self.state.conversations, self.scorer.scorer
        if conversations is not None and is_model(scorer):
            (read, first), (_, second) = (conversations.read(prompt, text) for text in responses)
            given = (read, first, second)
        try:
            with self._interrupted():
                found = attribute_difference(scorer, *given, batch_tokens=BATCH_TOKENS)
        except Superseded:
            return
        except BaseException as raised:
            self._set(attribution={"words": f"What each token adds is not known: {type(raised).__name__}: {raised}"})
            return
        both = zip("ab", (found.first, found.second), responses, strict=True)
        sides = {side: pieces(_within(one, text)) for side, one, text in both}
        self._set(attribution={**sides, "words": found.in_words("A", "B")})

    @contextlib.contextmanager
    def _interrupted(self) -> Iterator[None]:
        """Interrupt a model before its next batch in this thread when the texts have changed."""
        mine = threading.get_ident()  # the same model may answer another state meanwhile, or a cell of the notebook

        def stop(*_: Any) -> None:
            if threading.get_ident() == mine and self._is_superseded():
                raise Superseded

        if not is_model(self.scorer.scorer):
            yield
            return
        hook = self.scorer.scorer.register_forward_pre_hook(stop)
        try:
            yield
        finally:
            hook.remove()

    def _is_superseded(self) -> bool:
        """Return whether nobody waits for an answer to the texts that were read: they changed, or another answers."""
        return self._stale or self._closed

    def _set(self, **values: Any) -> None:
        """Set all of the traits, even if an observer of one raises; set none if the answer is superseded."""
        wrong: BaseException | None = None
        with self._setting:
            if self._is_superseded():
                return
            for name, value in values.items():
                try:
                    setattr(self.state, name, value)
                except BaseException as raised:
                    wrong = wrong or raised
        if wrong is not None:
            raise wrong

    def _fail(self, raised: BaseException, request: int) -> None:
        """Show that an observer of the state failed."""
        with contextlib.suppress(BaseException):  # what follows the error may fail too
            error = f"Something that follows the scores failed: {type(raised).__name__}: {raised}"
            self._set(error=error, answered=request)


def pieces(one: Attribution) -> list[list[Any]]:
    """Return the text of an attribution cut into ``[piece, what it adds]``, with None for text that is no token.

    Tokens that together stand for one character, like the bytes of an emoji, are one piece.
    """
    cut: list[list[Any]] = []
    end = 0
    for (start, stop), value in zip(one.spans, one.values.tolist(), strict=True):
        if start > end:
            cut.append([one.text[end:start], None])
        if stop <= end and cut:
            cut[-1][1] = (cut[-1][1] or 0.0) + value
        else:
            cut.append([one.text[max(start, end) : stop], value])
        end = max(end, stop)
    return cut + ([[one.text[end:], None]] if end < len(one.text) else [])


def _within(one: Attribution, shown: str) -> Attribution:
    """Return what the tokens of a text that is shown add, without what a chat template writes around it.

    If a model does not read the text as it is shown, such as a response of several messages, all of it has no value.
    """
    at = one.text.find(shown)
    if at < 0:
        return replace(one, text=shown, spans=(), values=one.values[:0])
    inside = [(max(start - at, 0), min(end - at, len(shown))) for start, end in one.spans]
    kept = [i for i, (start, end) in enumerate(inside) if start < end]
    return replace(one, text=shown, spans=tuple(inside[i] for i in kept), values=one.values[kept])


def _notice(found: list[Scored | None]) -> str:
    """Return a note on texts that were too long to be read."""
    said = []
    for side, one in zip("AB", found, strict=True):
        if one is not None and one.response_tokens_cut:
            said.append(f"Response {side} is too long: its first {one.response_tokens_cut:,} tokens are not read.")
        if one is not None and one.prompt_tokens_cut:
            said.append(
                f"With response {side} the prompt is too long: its first {one.prompt_tokens_cut:,} tokens are not read."
            )
    return " ".join(said)
