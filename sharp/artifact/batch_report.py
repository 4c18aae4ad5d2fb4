"""One page on a batch: its points, their headline numbers and figures; opens from a file, asks no network."""

from __future__ import annotations

import base64
import io
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from sharp.artifact.batch import Batch
from sharp.artifact.batch_folder import POINTS, REPORT, SUMMARY, BatchFolder
from sharp.artifact.batch_run import FAILED, FINISHED, NOT_RUN, TIMED_OUT, Outcome, headline_names, show
from sharp.artifact.images import read_image
from sharp.errors import SpecificationError
from sharp.shipped import DATA

_TEMPLATE = DATA / "batch_report.html"
_THUMBNAIL = (320, 240)
_COLORS = 64
_STATUSES = (FINISHED, FAILED, TIMED_OUT, NOT_RUN)


def write_report(batch: Batch, outcomes: Sequence[Outcome], folder: BatchFolder, pictures_s: float = math.inf) -> None:
    """Write ``report.html``; equal outcomes give equal pages, so it holds no times.

    Parameters
    ----------
    batch : Batch
    outcomes : sequence of Outcome
        Of all its points.
    folder : BatchFolder
        That is held.
    pictures_s : float, optional
        Time for small copies of the pictures; those that do not get one are only linked.
    """
    deadline = time.monotonic() + pictures_s
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    finished = [outcome for outcome in outcomes if outcome.status == FINISHED]
    shared = [name for name in headline_names(outcomes) if all(name in outcome.headline for outcome in finished)]
    fixed = {name: value for name, value in batch.points[0].parameters.items() if name not in batch.axes}
    page = template.render(
        stem=batch.notebook.stem,
        summary=SUMMARY,
        counts={status: sum(entry.status == status for entry in outcomes) for status in _STATUSES},
        fixed={name: show(value) for name, value in fixed.items()},
        axes=batch.axes,
        shared=shared,
        others=any(set(outcome.headline) - set(shared) for outcome in finished),
        rows=[_row(batch, outcome, shared, folder, deadline) for outcome in outcomes],
        pictures=any(_picture(batch, outcome, folder).is_file() for outcome in finished),
    )
    folder.put(REPORT, page + "\n")


def _row(batch: Batch, outcome: Outcome, shared: Sequence[str], folder: BatchFolder, deadline: float) -> dict[str, Any]:
    """What the page shows of a point; numbers that not all points have are listed, not put in columns."""
    numbers = {name: (_short(value), show(value)) for name, value in outcome.headline.items()}
    picture = _picture(batch, outcome, folder)
    shown = outcome.status == FINISHED and picture.is_file()
    return {
        "name": outcome.point.name,
        "status": outcome.status,
        "error": outcome.error,
        "folder": f"{POINTS}/{quote(outcome.point.name)}/" if outcome.status == FINISHED else "",
        "axes": [show(outcome.point.parameters[axis]) for axis in batch.axes],
        "numbers": [numbers.get(name, ("", "")) for name in shared],
        "others": {name: number for name, number in numbers.items() if name not in shared},
        "picture": quote(picture.name) if shown else "",
        **(_thumbnail(picture, deadline) if shown else {"thumbnail": "", "unshown": ""}),
    }


def _picture(batch: Batch, outcome: Outcome, folder: BatchFolder) -> Path:
    return folder.point(outcome.point.name) / f"{batch.notebook.stem}.png"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else show(value)


def _thumbnail(path: Path, deadline: float) -> dict[str, str]:
    """A small copy of a picture, as base64, or why there is none: one picture must not cost the page."""
    if time.monotonic() > deadline:
        return {"thumbnail": "", "unshown": "the batch was interrupted"}
    try:
        small = read_image(path).convert("RGB")
    except SpecificationError as error:
        return {"thumbnail": "", "unshown": str(error).removeprefix(f"{path}: ")}
    small.thumbnail(_THUMBNAIL)
    stream = io.BytesIO()
    small.quantize(_COLORS).save(stream, "PNG", optimize=True)
    return {"thumbnail": base64.b64encode(stream.getvalue()).decode(), "unshown": ""}
