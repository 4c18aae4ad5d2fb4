"""The claims: every published number that a model here can produce, ours beside it, and a verdict by a written rule.

The rule is decision 8: a verdict follows from ours, the interval of ours over all
assumed ranges, and the kind of number; nobody decides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

from sharp.checks import check_mapping, check_name, check_text, refuse, within
from sharp.claims.assumptions import assumed_parameters, draw, nominal
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
    "share": "a part of a whole, or a change of one: agrees within 5 points, and within half of it",
    "input": "the model, or what answers the number, was made from it",
}
"""Kinds of published numbers, with how near counts as agreement."""
VERDICTS = ("agrees", "agrees within assumed ranges", "differs", "input")
SAMPLES = 2**10
"""Samples of the assumed ranges."""

_NUMBER_TOLERANCE, _SHARE_TOLERANCE, _SHARE_PART = 0.1, 0.05, 0.5
_KEYS = ("says", "measure", "kind", "notebook", "arguments", "reason")
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
    measure: str
    """One of `sharp.claims.measures.MEASURES`."""
    kind: str
    """One of `KINDS`."""
    notebook: str
    """The notebook that shows it."""
    says: str = ""
    """What the number is of, as a sentence without its full stop, with a place for the number: "SHARP takes {:g} W"."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What the measure is asked."""
    reason: str = ""
    """Why ours differs, as far as it is known; what to know where it agrees."""

    def __post_init__(self) -> None:
        check_name("measure", self.measure, MEASURES)
        check_name("kind", self.kind, KINDS)
        check_text("notebook", self.notebook)
        self._check_sentence()
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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A claim, answered: ours, the interval of ours over all assumed ranges, and the verdict that follows by rule."""

    claim: Claim
    ours: float
    """With every number nominal."""
    low: float
    """Least of the middle 95 % of ours over all assumed ranges."""
    high: float
    """Greatest of these."""

    @property
    def error(self) -> float:
        """Ours over the published number, less 1; of a share, ours less it."""
        published = self.claim.published.value
        return self.ours - published if self.claim.kind == "share" else self.ours / published - 1

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        if self.claim.kind == "input":
            return "input"
        if abs(self.error) <= self._tolerance:
            return "agrees"
        return "agrees within assumed ranges" if self.low <= self.claim.published.value <= self.high else "differs"

    @property
    def _tolerance(self) -> float:
        if self.claim.kind == "number":
            return _NUMBER_TOLERANCE
        return min(_SHARE_TOLERANCE, _SHARE_PART * abs(self.claim.published.value))

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON has it."""
        return {
            "id": self.claim.id,
            "claim": self.claim.statement,
            "source": self.claim.published.provenance.source,
            "unit": self.claim.published.provenance.unit,
            "published": self.claim.published.value,
            "ours": self.ours,
            "low": self.low,
            "high": self.high,
            "error": self.error,
            "verdict": self.verdict,
            "reason": self.claim.reason,
            "notebook": self.claim.notebook,
        }


def load_claims(path: Path | None = None) -> tuple[Claim, ...]:
    """The claims of a file, those that ship by default.

    Raises
    ------
    SpecificationError
        With the file, the claim, what was expected and what was got.
    """
    path, numbers = path or DATA / "claims.yaml", published_numbers()
    claims = []
    for name, entry in read_yaml(path).items():
        with within(f"{path}: {name}"):
            check_name("claim", name, numbers)
            fields = check_mapping("", entry, _KEYS, ("measure", "kind", "notebook"))
            claims.append(Claim(id=name, published=numbers[name], **fields))
    return tuple(claims)


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
        SHARP and 32nm by default; what the claims are asked of.
    samples : int
        Of the assumed ranges.
    threads : int
        Cores to use.
    """
    claims = load_claims() if claims is None else tuple(claims)
    nominally = nominal_answers(claims, accelerator, technology)
    sampled = _study(accelerator, technology, samples, threads)
    intervals = {claim.id: interval(_ask(claim, sampled)) for claim in claims}
    return tuple(
        Outcome(claim=claim, ours=nominally[claim.id], low=intervals[claim.id][0], high=intervals[claim.id][1])
        for claim in claims
    )


def nominal_answers(
    claims: Iterable[Claim], accelerator: Accelerator | None = None, technology: Technology | None = None
) -> dict[str, float]:
    """Ours for some claims, by id, with every number nominal: much faster than with the intervals.

    Parameters
    ----------
    claims : iterable of Claim
    accelerator, technology : optional
        As of `evaluate_claims`.
    """
    study = _study(accelerator, technology)
    return {claim.id: float(_ask(claim, study)[0]) for claim in claims}


def _study(
    accelerator: Accelerator | None, technology: Technology | None, samples: int | None = None, threads: int = 1
) -> Study:
    """Samples of all assumed ranges, or the nominal numbers alone."""
    accelerator = accelerator or find_accelerator("sharp")
    technology = technology or find_technology("32nm")
    parameters = assumed_parameters(accelerator, technology, map(find_network, NETWORKS))
    points = nominal(parameters) if samples is None else draw(parameters, samples)
    return Study(points, accelerator, technology, threads=threads)


def _ask(claim: Claim, study: Study) -> Values:
    with within(claim.id):
        return measure(claim.measure, study, claim.arguments)


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
