"""The claims as tables: a data frame, and rows of the book's pages, each a place that a link can lead to.

A page that answers claims shows them with `claims_of`; the table of all, made by `clickable_claims`, leads there.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from sharp.checks import check_name
from sharp.claims.claims import Claim, Outcome, load_claims, nominal_answers
from sharp.claims.empty import EMPTY_MODELS
from sharp.claims.joint import Joint
from sharp.energy.technology import Technology
from sharp.machine.accelerator import Accelerator

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

ALL = "tab_claims"
"""The notebook that has all claims with their verdicts."""
NOT_KNOWN = "–"
_NOTHING = dict(zip(EMPTY_MODELS, ("no gain", "column's mean", "E-PUR"), strict=True))
_AGAIN = ' class="again"'
"""Of what the row above says too, which a phone leaves out."""


def claims_table(outcomes: Iterable[Outcome], joint: Joint | None = None) -> pd.DataFrame:
    """A row a claim, by its id: in words, with all that `Outcome.as_dict` has; errors of shares are differences."""
    rows = []
    for outcome in outcomes:
        row = outcome.as_dict(joint)
        row |= {"repeats": ", ".join(row["repeats"]), "met_by": ", ".join(row["met_by"])}
        rows.append({**row, **row.pop("empty")})
    return pd.DataFrame(rows).set_index("id")


def clickable_claims(outcomes: Iterable[Outcome], joint: Joint | None = None) -> Styler:
    """The same for its page: each claim a sentence with its source, a link to its place on the page that answers it."""
    outcomes = list(outcomes)
    says = {outcome.claim.id: outcome.claim.statement for outcome in outcomes}
    whys = [_why(outcome.claim, says) for outcome in outcomes]
    rows = []
    for index, outcome in enumerate(outcomes):
        claim, verdict = outcome.claim, outcome.verdict.replace("agrees within assumed ranges", "within ranges")
        again = index > 0 and _source(claim) == _source(outcomes[index - 1].claim)
        place = _place("verdict", claim, f"{claim.notebook}.html#claim-{claim.id}")
        rows.append(
            {
                "claim": f"{place} <span{_AGAIN if again else ''}>({_source(claim)})</span>",
                **_numbers(claim, outcome.ours),
                "from": _shown(outcome.low),
                "to": _shown(outcome.high),
                "error": _error(outcome),
                "verdict": f"<strong>{verdict}</strong>" if verdict == "differs" else verdict,
                **({} if joint is None else {"best setting": _together(outcome, joint)}),
                "models of nothing": _nothing(outcome),
                "why": "as above" if index and whys[index] and whys[index] == whys[index - 1] else whys[index],
            }
        )
    return _table(rows, "Every claim: the paper's number, ours, and the verdict")


def _why(claim: Claim, says: dict[str, str]) -> str:
    """The reason, after what the claim only says once more."""
    repeated = [says.get(name, name) for name in claim.repeats]
    follows = f"Follows from {len(repeated)} other claims. " if len(repeated) > 2 else ""
    if 0 < len(repeated) <= 2:
        follows = f"Says once more: {'; '.join(repeated)}. "
    return escape(follows + claim.reason)


def _together(outcome: Outcome, joint: Joint) -> str:
    """Ours in the best single setting, and whether that agrees."""
    met = joint.met.get(outcome.claim.id)
    return NOT_KNOWN if met is None else f"{_shown(joint.ours[outcome.claim.id])} {'agrees' if met else 'differs'}"


def _nothing(outcome: Outcome) -> str:
    """What each of the empty models says, where it says anything."""
    said = {name: value for name, value in outcome.empty.items() if value is not None}
    each = [f"{_NOTHING[name]} {_shown(value)}{' agrees' * (name in outcome.met_by)}" for name, value in said.items()]
    return ", ".join(each) if outcome.claim.counts and each else NOT_KNOWN


def claims_of(notebook: str, accelerator: Accelerator | None = None, technology: Technology | None = None) -> Styler:
    """The claims that a notebook's page answers: the paper's number and ours, with every number nominal.

    Parameters
    ----------
    notebook : str
        Its id, as the claims name it.
    accelerator, technology : optional
        SHARP and 32nm-paper by default; what the claims are asked of.

    Raises
    ------
    SpecificationError
        Where no claim names the notebook.
    """
    claims = load_claims()
    check_name("notebook", notebook, sorted({claim.notebook for claim in claims}))
    chosen = [claim for claim in claims if claim.notebook == notebook]
    ours = nominal_answers(chosen, accelerator, technology)
    rows = [
        {
            "claim": _place("claim", claim, f"{ALL}.html#verdict-{claim.id}"),
            **_numbers(claim, ours[claim.id]),
            "place in it": _source(claim),
        }
        for claim in chosen
    ]
    return _table(rows, "The paper's number and ours, with every number nominal")


def _table(rows: list[dict[str, str]], caption: str) -> Styler:
    table = pd.DataFrame(rows).set_index("claim").rename_axis(columns="claim", index=None)
    return table.style.set_caption(caption).set_table_attributes('class="stacked"')


def _place(kind: str, claim: Claim, target: str) -> str:
    """A claim in words, as a place on a page and a link to the other page that has it."""
    return f'<a id="{kind}-{claim.id}" href="{target}">{escape(claim.statement)}</a>'


def _source(claim: Claim) -> str:
    return escape(claim.published.provenance.source)


def _numbers(claim: Claim, ours: float | None) -> dict[str, str]:
    return {"paper": _shown(claim.published.value), "ours": _shown(ours)}


def _shown(number: float | None) -> str:
    return NOT_KNOWN if number is None else f"{number:.3g}"


def _error(outcome: Outcome) -> str:
    if outcome.error is None:
        return NOT_KNOWN
    return f"{100 * outcome.error:+.1f} pts" if outcome.claim.is_share else f"{outcome.error:+.1%}"
