"""The claims: every published number that a model here can produce, ours beside it, and a verdict by a written rule.

The rule is decision 8: a verdict follows from ours, the interval of ours over all
assumed ranges, and the kind of number; nobody decides it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharp.checks import check_list, check_mapping, check_name, check_text, refuse, within
from sharp.claims.assumptions import assumed_parameters, draw, nominal
from sharp.claims.empty import EMPTY_MODELS, NOTHING_GAINED, EpurAsSharp
from sharp.claims.joint import Joint, find_joint
from sharp.claims.measures import MEASURES, NETWORKS, Values, measure
from sharp.claims.uncertainty import Study, interval
from sharp.energy.files import find_technology
from sharp.energy.technology import Technology
from sharp.files import read_json
from sharp.machine.accelerator import Accelerator
from sharp.machine.files import find_accelerator
from sharp.provenance import PublishedNumber
from sharp.published import published_numbers
from sharp.shipped import DATA
from sharp.workload.files import find_network
from sharp.yamlfile import read_yaml

KINDS = {
    "number": "agrees within a tenth of it",
    "gain": "a ratio of which 1 is nothing: agrees within a tenth of what it is above 1, or half a hundredth",
    "share": "a part of a whole: agrees within 5 points, and within half of it",
    "change": "a part by which a whole changes, of which 0 is nothing: agrees as a share does",
    "input": "the model, or what answers the number, was made from it",
    "open": "nothing here can produce it",
}
"""Kinds of published numbers, with how near counts as agreement."""
VERDICTS = (*("agrees", "agrees within assumed ranges", "differs", "input", "uninformative", "cannot be answered"),)
PAPERS_TECHNOLOGY = "32nm-paper"
"""What the claims are asked of: without wires and clock tree, which the paper does not name among its parts."""
SAMPLES = 2**12
"""Samples of the assumed ranges."""

_NUMBER_TOLERANCE, _SHARE_TOLERANCE, _SHARE_PART = 0.1, 0.05, 0.5
_GAIN_ROUNDING = 0.005
"""The paper prints gains to hundredths at best."""
_REQUIRED = ("kind", "notebook")
_KEYS = (*_REQUIRED, "says", "measure", "arguments", "reason", "given", "column", "repeats")
_RECORD = DATA / "verdicts.json"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A number that the paper prints, what answers it here, and why ours differs where it does.

    `measure` names the function that computes ours, `kind` how near counts as agreement, `notebook` the page that shows
    it. The claims that ship are in ``sharp/data/claims.yaml``.
    """

    id: str
    """As in ``published.yaml``."""
    published: PublishedNumber
    kind: str
    """One of `KINDS`."""
    notebook: str
    """The notebook that shows it."""
    measure: str = ""
    """One of `sharp.claims.measures.MEASURES`; none of an open one."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What the measure is asked."""
    says: str = ""
    """What the number is of, as a sentence without its full stop, with a place for the number: "SHARP takes {:g} W"."""
    reason: str = ""
    """Why ours differs, as far as it is known; what to know where it agrees."""
    given: float = 0.0
    """How much of the number went into the model, in its unit: only the rest can agree or differ."""
    column_mean: float | None = None
    """Mean of the numbers that stand in the same column of the paper, where it is one of a column."""
    repeats: tuple[str, ...] = ()
    """Claims that it follows from: it says once more what they say."""

    def __post_init__(self) -> None:
        check_name("kind", self.kind, KINDS)
        check_text("notebook", self.notebook)
        self._check_sentence()
        if self.kind == "open":
            if self.measure or not self.reason:
                raise refuse("kind", "a reason and no measure of one that is open", self.measure or "no reason")
            return
        check_name("measure", self.measure, MEASURES)
        known = signature(MEASURES[self.measure]).parameters
        taken = {name: entry for name, entry in known.items() if name != "study"}
        needed = [name for name, entry in taken.items() if entry.default is entry.empty]
        check_mapping("arguments", self.arguments, taken, needed)

    def _check_sentence(self) -> None:
        try:
            whole = not self.says or self.statement != self.says
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            whole = False
        if not whole:
            raise refuse("says", "a sentence with one place for the number, such as {:g} or {:.1%}", self.says)

    @property
    def statement(self) -> str:
        """The claim in words, with its number; the id where the file has no words."""
        return (self.says or f"{self.id} is {{:g}}").format(self.published.value)

    @property
    def counts(self) -> bool:
        """Whether it is neither an input nor open, so that it can be met or not."""
        return self.kind not in ("input", "open")

    @property
    def is_share(self) -> bool:
        """Whether its error is a difference, in points."""
        return self.kind in ("share", "change")

    def errors(self, values: ArrayLike) -> NDArray[np.float64]:
        """Values over the published number, less 1, both less what is no news; of a share the difference."""
        ours, published = np.asarray(values, dtype=np.float64), self.published.value
        return ours - published if self.is_share else (ours - self._known) / (published - self._known) - 1

    def meets(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Which values agree with the published number."""
        return np.asarray(np.abs(self.errors(values)) <= self._tolerance)

    @property
    def _gains(self) -> bool:  # a published gain of 1 is none, and judged as a number
        return self.kind == "gain" and self.published.value != NOTHING_GAINED["gain"]

    @property
    def _known(self) -> float:
        return NOTHING_GAINED["gain"] if self._gains else self.given

    @property
    def _tolerance(self) -> float:
        if self.is_share:
            return min(_SHARE_TOLERANCE, _SHARE_PART * abs(self.published.value))
        if self._gains:
            return max(_NUMBER_TOLERANCE, _GAIN_ROUNDING / abs(self.published.value - self._known))
        return _NUMBER_TOLERANCE


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A claim, answered: ours, the interval of ours over all assumed ranges, and the verdict that follows by rule."""

    claim: Claim
    ours: float | None
    """With every number nominal; None of an open claim."""
    low: float | None
    """Least of the middle 95 % of ours over all assumed ranges."""
    high: float | None
    """Greatest of these."""
    empty: Mapping[str, float | None] = field(default_factory=dict)
    """What each of `EMPTY_MODELS` says; None where it says nothing."""
    values: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    """Ours in every setting: the nominal one, then each sample."""

    @property
    def error(self) -> float | None:
        """Ours over the published number, less 1; of a share the difference; of a gain that of what is above 1."""
        return None if self.ours is None else float(self.claim.errors(self.ours))

    @property
    def met_by(self) -> tuple[str, ...]:
        """The empty models that meet the claim."""
        answers = {name: value for name, value in self.empty.items() if value is not None}
        return tuple(name for name, value in answers.items() if self.claim.meets(value))

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        if self.ours is None or self.low is None or self.high is None:
            return "cannot be answered"
        if not self.claim.counts:
            return "input"
        agrees = bool(self.claim.meets(self.ours))
        if not agrees and not self.low <= self.claim.published.value <= self.high:
            return "differs"
        if self.met_by:
            return "uninformative"
        return "agrees" if agrees else "agrees within assumed ranges"

    def as_dict(self, joint: Joint | None = None) -> dict[str, Any]:
        """The outcome as JSON has it, with the verdict in the best single setting where that is known."""
        return {
            "id": self.claim.id,
            "claim": self.claim.statement,
            "source": self.claim.published.provenance.source,
            "unit": self.claim.published.provenance.unit,
            "kind": self.claim.kind,
            "published": self.claim.published.value,
            "ours": self.ours,
            "low": self.low,
            "high": self.high,
            "error": self.error,
            "verdict": self.verdict,
            "empty": {name: self.empty.get(name) for name in EMPTY_MODELS},
            "met_by": list(self.met_by),
            **({} if joint is None else self._in_joint(joint)),
            "repeats": list(self.claim.repeats),
            "reason": self.claim.reason,
            "notebook": self.claim.notebook,
        }

    def _in_joint(self, joint: Joint) -> dict[str, Any]:
        met = joint.met.get(self.claim.id)
        verdict = self.verdict if met is None else "agrees" if met else "differs"
        return {"joint": verdict, "joint_ours": joint.ours.get(self.claim.id, self.ours)}


def load_claims(path: Path | None = None) -> tuple[Claim, ...]:
    """The claims of a file, those that ship by default.

    Raises
    ------
    SpecificationError
        With the file, the claim, what was expected and what was got.
    """
    path, numbers = path or DATA / "claims.yaml", published_numbers()
    entries, columns = {}, defaultdict[str, list[float]](list)
    for name, entry in read_yaml(path).items():
        with within(f"{path}: {name}"):
            check_name("claim", name, numbers)
            entries[name] = check_mapping("", entry, _KEYS, _REQUIRED)
            if "column" in entry:
                columns[check_text("column", entry["column"])].append(numbers[name].value)
    claims = []
    for name, entry in entries.items():
        with within(f"{path}: {name}"):
            claims.append(_claim(name, entry, numbers, columns))
    return tuple(claims)


def _claim(
    name: str, entry: Mapping[str, Any], numbers: Mapping[str, PublishedNumber], columns: Mapping[str, Sequence[float]]
) -> Claim:
    fields, number = dict(entry), numbers[name]
    for key in {"given", "repeats"} & fields.keys():
        for other in check_list(key, fields[key]):
            check_name(key, other, numbers)
    given = number.value * sum(numbers[share].value for share in fields.pop("given", []))
    repeats, column = tuple(fields.pop("repeats", ())), columns.get(fields.pop("column", ""))
    mean = None if column is None else fmean(column)
    return Claim(id=name, published=number, given=given, repeats=repeats, column_mean=mean, **fields)


def settings(
    accelerator: Accelerator | None = None, technology: Technology | None = None, *, samples: int = SAMPLES
) -> dict[str, NDArray[Any]]:
    """Settings of all assumed numbers together: the nominal one first, then samples of the assumed ranges.

    Returns
    -------
    dict of str to numpy.ndarray, (1 + samples,)
        By the parameters' names; `samples` is rounded up to a power of two.
    """
    accelerator, technology = accelerator or find_accelerator("sharp"), technology or find_technology(PAPERS_TECHNOLOGY)
    parameters = assumed_parameters(accelerator, technology, map(find_network, NETWORKS))
    first, others = nominal(parameters), draw(parameters, samples)
    return {name: np.concatenate([first[name], others[name]]) for name in first}


def evaluate_claims(
    claims: Iterable[Claim] | None = None,
    accelerator: Accelerator | None = None,
    technology: Technology | None = None,
    *,
    samples: int = SAMPLES,
    threads: int = 1,
) -> tuple[Outcome, ...]:
    """Answer claims, all that ship by default, each with its interval over all assumed ranges at once.

    Parameters
    ----------
    claims : iterable of Claim, optional
    accelerator, technology : optional
        SHARP and `PAPERS_TECHNOLOGY` by default; what the claims are asked of.
    samples : int
        Of the assumed ranges.
    threads : int
        Cores to use.
    """
    accelerator, technology = accelerator or find_accelerator("sharp"), technology or find_technology(PAPERS_TECHNOLOGY)
    study = Study(settings(accelerator, technology, samples=samples), accelerator, technology, threads=threads)
    epur = EpurAsSharp(study)
    return tuple(_answer(claim, study, epur) for claim in (load_claims() if claims is None else claims))


def nominal_answers(
    claims: Iterable[Claim], accelerator: Accelerator | None = None, technology: Technology | None = None
) -> dict[str, float | None]:
    """Ours for some claims, by id, with every number nominal: much faster than with the intervals.

    Parameters
    ----------
    claims : iterable of Claim
    accelerator, technology : optional
        As of `evaluate_claims`.

    Returns
    -------
    dict of str to float or None
        None of a claim that nothing here can answer.
    """
    accelerator, technology = accelerator or find_accelerator("sharp"), technology or find_technology(PAPERS_TECHNOLOGY)
    parameters = assumed_parameters(accelerator, technology, map(find_network, NETWORKS))
    study = Study(nominal(parameters), accelerator, technology)
    return {claim.id: float(_ask(claim, study)[0]) if claim.measure else None for claim in claims}


def _ask(claim: Claim, study: Study) -> Values:
    with within(claim.id):
        return measure(claim.measure, study, claim.arguments)


def _answer(claim: Claim, study: Study, epur: EpurAsSharp) -> Outcome:
    if not claim.measure:
        return Outcome(claim=claim, ours=None, low=None, high=None)
    values = _ask(claim, study)
    low, high = interval(values[1:])
    empty = {
        "no_gain": NOTHING_GAINED.get(claim.kind),
        "column_mean": claim.column_mean,
        "epur_as_sharp": epur.answer(claim.measure, claim.arguments) if claim.counts else None,
    }
    values.flags.writeable = False
    return Outcome(claim=claim, ours=float(values[0]), low=low, high=high, empty=empty, values=values)


def evaluate_jointly(outcomes: Sequence[Outcome]) -> Joint:
    """Ask answered claims of one setting at a time: how many the best meets, and which no setting meets together."""
    values = {outcome.claim.id: outcome.values for outcome in outcomes if outcome.values is not None}
    claims = {outcome.claim.id: outcome.claim for outcome in outcomes if outcome.claim.counts}
    return find_joint(values, {name: claim.meets(values[name]) for name, claim in claims.items()})


def recorded_verdicts(path: Path | None = None) -> dict[str, str]:
    """Verdicts by claim as they were committed, or as a file has them.

    Raises
    ------
    SpecificationError
        Where the file is no JSON object of verdicts by claim.
    """
    path = path or _RECORD
    record = read_json(path, "a JSON object of verdicts by claim")
    return {name: check_name(f"{path}: {name}", verdict, VERDICTS) for name, verdict in record.items()}


def changed_verdicts(outcomes: Sequence[Outcome], record: Mapping[str, str]) -> list[str]:
    """Which verdicts are not as recorded: what `sharp claims` ends with an error for.

    Parameters
    ----------
    outcomes : sequence of Outcome
        What `evaluate_claims` gives.
    record : mapping of str to str
        Verdicts by claim.

    Returns
    -------
    list of str
        A sentence for each that changed, is new, or is gone.
    """
    sentences = []
    verdicts = {outcome.claim.id: outcome.verdict for outcome in outcomes}
    for name in {**record, **verdicts}:
        before, now = record.get(name, "no claim"), verdicts.get(name, "no claim")
        if before != now:
            sentences.append(f"{name}: the record has {before!r}, it is now {now!r}")
    return sentences
