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
from sharp.energy.technology import Technology
from sharp.machine.accelerator import Accelerator

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

ALL = "tab_claims"
"""The notebook that has all claims with their verdicts."""
_AGAIN = ' class="again"'
"""Of what the row above says too, which a phone leaves out."""


def claims_table(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """A row a claim, by its id: in words, with all that `Outcome.as_dict` has; errors of shares are differences."""
    rows = [{**outcome.as_dict(), "kind": outcome.claim.kind} for outcome in outcomes]
    return pd.DataFrame(rows).set_index("id")


def clickable_claims(outcomes: Iterable[Outcome]) -> Styler:
    """The same for its page: each claim a sentence with its source, a link to its place on the page that answers it."""
    rows, above = [], None
    for outcome in outcomes:
        claim, verdict = outcome.claim, outcome.verdict.replace("agrees within assumed ranges", "within ranges")
        again = above is not None and _source(claim) == _source(above)
        place = _place("verdict", claim, f"{claim.notebook}.html#claim-{claim.id}")
        rows.append(
            {
                "claim": f"{place} <span{_AGAIN if again else ''}>({_source(claim)})</span>",
                **_numbers(claim, outcome.ours),
                "from": _shown(outcome.low),
                "to": _shown(outcome.high),
                "error": _error(outcome),
                "verdict": f"<strong>{verdict}</strong>" if verdict == "differs" else verdict,
                "why": "as above" if above and claim.reason and claim.reason == above.reason else escape(claim.reason),
            }
        )
        above = claim
    return _table(rows, "Every claim: the paper's number, ours, and the verdict")


def claims_of(notebook: str, accelerator: Accelerator | None = None, technology: Technology | None = None) -> Styler:
    """The claims that a notebook's page answers: the paper's number and ours, with every number nominal.

    Parameters
    ----------
    notebook : str
        Its id, as the claims name it.
    accelerator, technology : optional
        SHARP and 32nm by default; what the claims are asked of.

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


def _numbers(claim: Claim, ours: float) -> dict[str, str]:
    return {"paper": _shown(claim.published.value), "ours": _shown(ours)}


def _shown(number: float) -> str:
    return f"{number:.3g}"


def _error(outcome: Outcome) -> str:
    error = outcome.error
    return f"{100 * error:+.1f} pts" if outcome.claim.kind == "share" else f"{error:+.1%}"
