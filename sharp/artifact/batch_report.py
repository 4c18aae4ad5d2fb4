"""One page on a batch: its points, their headline numbers and figures; opens from a file, asks no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from PIL import Image

from sharp.artifact.batch import (
    FAILED,
    FINISHED,
    NOT_RUN,
    POINTS,
    REPORT,
    SUMMARY,
    Batch,
    Outcome,
    _cell,
    headline_names,
)
from sharp.files import write_text
from sharp.shipped import DATA

_TEMPLATE = DATA / "batch_report.html"
_THUMBNAIL = (320, 240)
_COLORS = 64


def write_report(batch: Batch, outcomes: Sequence[Outcome], output: Path) -> Path:
    """Write ``report.html``; equal outcomes give equal pages, so it holds no times.

    Parameters
    ----------
    batch : Batch
    outcomes : sequence of Outcome
        Of all its points.
    output : Path
        The batch's folder.

    Returns
    -------
    Path
        The page.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    finished = [outcome for outcome in outcomes if outcome.status == FINISHED]
    shared = [name for name in headline_names(outcomes) if all(name in outcome.headline for outcome in finished)]
    fixed = {name: value for name, value in batch.points[0].parameters.items() if name not in batch.axes}
    page = template.render(
        stem=batch.notebook.stem,
        summary=SUMMARY,
        counts={status: sum(entry.status == status for entry in outcomes) for status in (FINISHED, FAILED, NOT_RUN)},
        fixed={name: _cell(value) for name, value in fixed.items()},
        axes=batch.axes,
        shared=shared,
        others=any(set(outcome.headline) - set(shared) for outcome in finished),
        rows=[_row(batch, outcome, shared, output) for outcome in outcomes],
        pictures=any(_picture(batch, outcome, output).is_file() for outcome in finished),
    )
    write_text(output / REPORT, page + "\n")
    return output / REPORT


def _row(batch: Batch, outcome: Outcome, shared: Sequence[str], output: Path) -> dict[str, Any]:
    """What the page shows of a point; numbers that not all points have are listed, not put in columns."""
    numbers = {name: (_short(value), _cell(value)) for name, value in outcome.headline.items()}
    picture = _picture(batch, outcome, output)
    shown = outcome.status == FINISHED and picture.is_file()
    return {
        "name": outcome.point.name,
        "status": outcome.status,
        "error": outcome.error,
        "folder": f"{POINTS}/{quote(outcome.point.name)}/" if outcome.status == FINISHED else "",
        "axes": [_cell(outcome.point.parameters[axis]) for axis in batch.axes],
        "numbers": [numbers.get(name, ("", "")) for name in shared],
        "others": {name: number for name, number in numbers.items() if name not in shared},
        "picture": quote(picture.name) if shown else "",
        "thumbnail": _thumbnail(picture) if shown else "",
    }


def _picture(batch: Batch, outcome: Outcome, output: Path) -> Path:
    return output / POINTS / outcome.point.name / f"{batch.notebook.stem}.png"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else _cell(value)


def _thumbnail(path: Path) -> str:
    """A small copy of a picture, as base64."""
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail(_THUMBNAIL)
    stream = io.BytesIO()
    small.quantize(_COLORS).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
