"""The explorer's state: plain Python with traits and no display, so that tests can drive it without a browser.

Views observe it, in the browser through `rmlab.explorer.widget`. It turns into JSON and into a link, and back.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from traitlets import Bool, Dict, Enum, Float, HasTraits, Int, List, TraitError, Tuple, Unicode, validate

from rmlab.preference import preference_probability

if TYPE_CHECKING:
    from rmlab.explorer.conversations import Conversations
    from rmlab.explorer.following import Following

__all__ = ["ExplorerState", "StateTraits"]

VERSION = 1
FORMAT = "rmlab-explorer"
LINK = "rmlab-state="
HOTTEST = 100.0
IN_A_LINK = (
    "prompt",
    "response_a",
    "response_b",
    "winner",
    "scores",
    "scores_from",
    "temperature",
    "revealed",
    "guess",
    "guesses",
    "size",
    "view",
    "settings",
)
LONGEST_LINK = 60_000  # characters; mail programs and chats cut far shorter links, browsers only longer ones


class Answering(Protocol):
    """What answers a state: `rmlab.explorer.answers.Answers`, whose module imports this one."""

    def close(self) -> None:
        """Stop answering."""
        ...


class StateTraits(HasTraits):
    """The traits that `ExplorerState` holds and that a widget mirrors. `sync` tells ipywidgets to send them."""

    prompt = Unicode().tag(sync=True)
    response_a = Unicode().tag(sync=True)
    response_b = Unicode().tag(sync=True)
    winner = Enum(("a", "b", "tie"), "a").tag(sync=True)
    """Who won: the judgement for which the loss is computed."""
    scores = Tuple(Float(allow_none=True), Float(allow_none=True), default_value=(1.0, 0.0)).tag(sync=True)
    """The scores of A and B, finite; None if there is none."""
    scores_from = Unicode("set by hand").tag(sync=True)
    """The origin of the scores, in words: by hand, recorded, or the name of a model."""
    temperature = Float(1.0).tag(sync=True)
    """The number by which both scores are divided."""
    selection = Int(None, allow_none=True).tag(sync=True)
    """The row of the pair that is shown, in the data of the view of pairs."""
    picks = Int().tag(sync=True)
    """Set by a view when the selected pair is picked again, and higher each time."""
    history = List(Dict()).tag(sync=True)
    """Edits of the texts, oldest first, each with its parent."""
    presets = List(Dict()).tag(sync=True)
    """``{"name": ..., "state": {trait: value}}`` each: choosing one sets these traits."""
    revealed = Bool(True).tag(sync=True)
    """False while a class predicts: readouts are hidden."""
    guess = Dict().tag(sync=True)
    """The prediction that is being made, ``{"of": ..., "said": ...}``: of "p", P(A is preferred), of a "pair" by its
    row, of a "head", of the "accuracy" at the end of a film, or of the "agreement" of two models, both shares. Empty if
    there is none."""
    guesses = List(Dict()).tag(sync=True)
    """The predictions that were compared, oldest first: as `guess`, with the ``truth``."""
    size = Enum(("normal", "projector"), "normal").tag(sync=True)
    view = Unicode("curve").tag(sync=True)
    """Name of the view in front, if there are several."""
    settings = Dict().tag(sync=True)
    """The settings that a view offers, such as a filter, by the name of the view."""
    model = Unicode().tag(sync=True)
    """Name of the model that answers."""
    error = Unicode().tag(sync=True)
    """What went wrong, in words; what was typed stays."""
    second = Dict().tag(sync=True)
    """What a second scorer says: its ``name``, the ``scores`` of A and B, None where there is none, and the request
    that they have ``answered``. Empty without one."""
    answering = Bool(False).tag(sync=True)
    """Whether a scorer answers when the texts are edited."""
    request = Int().tag(sync=True)
    """Set by a view with each edit of the texts, and higher each time."""
    answered = Int().tag(sync=True)
    """The newest request whose scores are shown."""
    notice = Unicode().tag(sync=True)
    """The parts of the texts that the model did not read, in words."""
    explain = Bool(False).tag(sync=True)
    """Whether to show what each token adds."""
    attribution = Dict().tag(sync=True)
    """What each token adds: ``{"a": [[piece, value], ...], "b": ..., "words": ...}``, or empty."""
    here = Int(None, allow_none=True).tag(sync=True)
    """The entry of the history with the current texts."""
    pins = List(Int()).tag(sync=True)
    """Up to two entries of the history to compare."""
    start = Dict().tag(sync=True)
    """What Reset restores: some traits and their values."""

    @validate("scores")
    def _scores_are_finite(self, proposal: Any) -> tuple[float | None, float | None]:
        if any(score is not None and not math.isfinite(score) for score in proposal["value"]):
            raise TraitError(f"scores must be finite, or None where there is none, got {proposal['value']}")
        return proposal["value"]

    @validate("temperature")
    def _temperature_is_positive(self, proposal: Any) -> float:
        if not 0 < proposal["value"] <= HOTTEST:
            raise TraitError(f"temperature must be above 0 and at most {HOTTEST:g}, got {proposal['value']}")
        return proposal["value"]

    @validate("presets")
    def _presets_are_of_known_traits(self, proposal: Any) -> list[dict[str, Any]]:
        for preset in proposal["value"]:
            if set(preset) != {"name", "state"} or not set(preset["state"]) <= set(IN_A_LINK):
                raise TraitError(
                    "a preset must be {'name': ..., 'state': {trait: value}} with traits of "
                    f"{', '.join(IN_A_LINK)}; got {repr(preset)[:200]}"
                )
        return proposal["value"]


class ExplorerState(StateTraits):
    """What the explorer shows: two texts, their scores, who won, what is selected and what was done.

    Parameters
    ----------
    traits
        Values of the traits by name; others have their defaults. Reset restores these values.

    Raises
    ------
    ValueError
        If there is no such trait, or it cannot have this value.

    Examples
    --------
    >>> state = ExplorerState(scores=(2.0, 0.0))
    >>> round(state.probability, 3)
    0.881
    >>> ExplorerState.from_json(state.to_json()).scores
    (2.0, 0.0)
    """

    following: Following | None = None
    """The object that makes it follow controls, if any; see `rmlab.explorer.controls.follow`."""
    answers: Answering | None = None
    """The model that answers its texts, if any."""
    conversations: Conversations | None = None
    """The messages behind its texts, where these are of pairs of conversations; a model reads them."""

    def __init__(self, **traits: Any):
        unknown = sorted(set(traits) - set(self.class_trait_names()))
        if unknown:
            raise ValueError(
                f"no such trait: {', '.join(unknown)}; there are {', '.join(sorted(self.class_trait_names()))}"
            )
        try:
            super().__init__(**traits)
        except TraitError as error:
            raise ValueError(str(error)) from error
        if "start" not in traits:
            self.mark_start()

    @property
    def score_difference(self) -> float | None:
        """The score of A minus the score of B, in nats; None if one is missing."""
        a, b = self.scores
        return None if a is None or b is None else a - b

    @property
    def probability(self) -> float | None:
        """P(A is preferred to B), at the temperature; None if a score is missing."""
        d = self.score_difference
        return None if d is None else preference_probability(d / self.temperature)

    def mark_start(self) -> None:
        """Make Reset go back to what is shown now."""
        values = {name: getattr(self, name) for name in (*IN_A_LINK, "selection") if name not in ("size", "view")}
        values |= {"scores": list(self.scores), "guess": {}, "guesses": []}  # as it comes back from JSON
        self.start = values

    def reset(self) -> None:
        """Go back to the start; the history stays."""
        with self.hold_trait_notifications():
            for name, value in self.start.items():
                setattr(self, name, value)

    def to_json(self) -> str:
        """Return the whole state as JSON."""
        return json.dumps({"format": FORMAT, "version": VERSION, "state": self.trait_values()}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ExplorerState:
        """Read what `to_json` returned.

        Raises
        ------
        ValueError
            If it is not JSON, is something else, or was written by another version of the explorer.
        """
        try:
            read = json.loads(text)
        except ValueError as error:
            raise ValueError(f"a state must be JSON as ExplorerState.to_json writes it: {error}") from error
        if not isinstance(read, Mapping) or read.get("format") != FORMAT:
            raise ValueError(f'a state must be JSON with "format": "{FORMAT}", as ExplorerState.to_json writes it')
        if read.get("version") != VERSION:
            raise ValueError(
                f"this state is of version {repr(read.get('version'))[:40]} of the explorer, but this rmlab reads "
                f"version {VERSION}; open it with the rmlab that saved it"
            )
        state = read.get("state")
        if not isinstance(state, Mapping):
            raise ValueError('a state must have its traits under "state", as ExplorerState.to_json writes it')
        return cls(**state)

    def to_link(self, page: str = "") -> str:
        """Return a link that opens a page of the explorer on these texts and scores, without presets and history.

        Parameters
        ----------
        page
            Address of the page; what follows a ``#`` never leaves the browser.

        Raises
        ------
        ValueError
            If the texts are too long for a link.
        """
        values = {name: getattr(self, name) for name in IN_A_LINK}
        text = json.dumps({"format": FORMAT, "version": VERSION, "state": values}, allow_nan=False, ensure_ascii=False)
        code = base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")
        if len(code) > LONGEST_LINK:
            raise ValueError(
                f"the texts are too long for a link ({len(code):,} characters, at most {LONGEST_LINK:,}); use to_json"
            )
        return f"{page}#{LINK}{code}"

    @classmethod
    def from_link(cls, link: str) -> ExplorerState:
        """Read what `to_link` returned.

        Raises
        ------
        ValueError
            If the link carries no state, is damaged, or was made by another version of the explorer.
        """
        _, found, code = link.partition(f"#{LINK}")
        if not found:
            raise ValueError(f"a link must have '#{LINK}' and a state after it, as ExplorerState.to_link writes it")
        try:
            text = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True).decode(
                "utf-8", "surrogatepass"
            )
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"the state in this link is damaged (was its end cut off?): {error}") from error
        return cls.from_json(text)
