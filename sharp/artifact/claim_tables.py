"""The claims as tables: a data frame, and rows that a reader of the book can click."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from sharp.claims.claims import Outcome

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

_SHOWN = ["claim", "the paper", "ours", "from", "to", "error", "verdict", "why"]


def claims_table(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """A row a claim, by its id: in words, with all that `Outcome.as_dict` has; errors of shares are differences."""
    rows = [{**outcome.as_dict(), "kind": outcome.claim.kind} for outcome in outcomes]
    return pd.DataFrame(rows).set_index("id")


def clickable_claims(outcomes: Iterable[Outcome]) -> Styler:
    """The same for the page of a notebook: each claim a sentence that links to the notebook that makes it."""
    rows = [dict(zip(_SHOWN, _row(outcome), strict=True)) for outcome in outcomes]
    return pd.DataFrame(rows).style.hide(axis="index")


def _row(outcome: Outcome) -> tuple[str, ...]:
    claim, error = outcome.claim, outcome.error
    numbers = (claim.published.value, outcome.ours, outcome.low, outcome.high)
    verdict = outcome.verdict.replace("agrees within assumed ranges", "within ranges")
    return (
        f'<a href="{claim.notebook}.html">{escape(claim.statement)}</a> ({escape(claim.published.provenance.source)})',
        *(f"{number:.3g}" for number in numbers),
        f"{100 * error:+.1f} pts" if claim.kind == "share" else f"{error:+.1%}",
        f"<strong>{verdict}</strong>" if verdict == "differs" else verdict,
        claim.reason,
    )
