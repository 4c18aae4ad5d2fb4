"""Fits of a `Gpu` to measured latencies, and how well each predicts what was left out; needs SciPy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sharp.checks import check_name, refuse
from sharp.rivals.data import Device, MeasuredLatency
from sharp.rivals.gpu import (
    ERRORS,
    FITTED,
    RANGES,
    WEIGHT_BYTES,
    Gpu,
    measured_ranges,
    overheads,
    products,
    sheet,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_UNITS = (1e-5, 1e-3, 1.0, 100.0)
"""What the optimizer counts each fitted number in; it takes the data sheet's bandwidth over the effective one."""
_START = (1.0, 1.0, 1.5, 1.0)
_OUTLIER = 0.1
"""Logarithm of predicted over measured from which on a measurement weighs less (soft_l1)."""


def fit_gpu(latencies: Sequence[MeasuredLatency], device: Device, precision: str, kind: type[Gpu] | None = None) -> Gpu:
    """Fit a GPU, or another device of its `kind`, to measured latencies; needs SciPy.

    Parameters
    ----------
    latencies : sequence of MeasuredLatency
        Such as `load_latencies` reads; those of this device and precision count. Where ``input_product`` is None, the
        time is taken to hold the products with x.
    device : Device
        Data sheet.
    precision : str
        One of `WEIGHT_BYTES` that the data sheet has a peak of.
    kind : type, optional
        `Gpu` by default, or a class derived from it.

    Raises
    ------
    SpecificationError
        For a precision without a peak, or fewer than six measurements.
    """
    import numpy as np

    points = _measured(latencies, device, precision)
    fit = _Fit(points, device, precision)
    errors = np.abs(fit.leave_one_out())
    launch, startup, slowness, half = (float(value) for value in fit.solution * _UNITS)
    without = [point.input_product is False for point in points]
    return (kind or Gpu)(
        name=_slug(device.name, precision),
        **sheet(device, precision),
        launch_s=launch,
        startup_s=startup,
        bandwidth_bytes_per_s=device.bandwidth_bytes_per_s / slowness,
        half_peak_size=half,
        cells=tuple(sorted({layer.cell_name for point in points for layer in point.network.layers})),
        ranges=measured_ranges([point.network for point in points]),
        inputs_measured=not all(without),
        num_points=len(points),
        mean_error=float(errors.mean()),
        median_error=float(np.median(errors)),
        max_error=float(errors.max()),
        source="; ".join(sorted({point.source for point in points})),
    )


def leave_one_out(latencies: Sequence[MeasuredLatency], device: Device, precision: str) -> NDArray[np.float64]:
    """Relative error of each measurement of a device and precision, as a fit to all others predicts it.

    Parameters
    ----------
    latencies, device, precision
        As for `fit_gpu`.

    Returns
    -------
    numpy.ndarray, float64, (number of measurements,), read-only
        Predicted over measured, minus 1. DeepBench has GRUs in up to four lengths and several batch sizes: those that
        stay in are near those that are left out, which flatters the fit a little.
    """
    return _Fit(_measured(latencies, device, precision), device, precision).leave_one_out()


def _measured(latencies: Sequence[MeasuredLatency], device: Device, precision: str) -> list[MeasuredLatency]:
    check_name("precision", precision, [name for name in WEIGHT_BYTES if name in device.peak_flops_per_s])
    points = [point for point in latencies if (point.device, point.precision) == (device.name, precision)]
    if len(points) < len(FITTED) + 2:
        raise refuse("latencies", f"at least {len(FITTED) + 2} of {device.name} in {precision}", len(points))
    return points


class _Fit:
    """Measurements as arrays; what `Gpu.latency_s` computes, of all of them at once."""

    def __init__(self, points: Sequence[MeasuredLatency], device: Device, precision: str) -> None:
        import numpy as np

        peak = 2 * sheet(device, precision)["num_macs"] * device.boost_clock_hz
        loads = WEIGHT_BYTES[precision] / device.bandwidth_bytes_per_s
        self.overheads, rows = np.zeros((len(points), 2)), []
        for index, point in enumerate(points):
            for layer, sequences in zip(point.network.layers, point.network.layer_sequences, strict=True):
                work = layer, sequences, point.input_product is not False
                self.overheads[index] += overheads(*work)
                rows += [
                    (index, product.repeats, product.weights * loads, product.flops / peak, 1 / product.size)
                    for product in products(*work)
                ]
        owners, self.repeats, self.loads, self.computes, self.inverse_sizes = np.array(rows, dtype=float).T
        self.owners = owners.astype(int)
        self.measured = np.array([point.latency_s for point in points])
        self.solution = self.solve(np.ones(len(points), dtype=bool), _START)

    def log_ratios(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithm of predicted over measured, of the fitted numbers in `_UNITS`."""
        import numpy as np

        launch, startup, slowness, half = numbers * _UNITS
        computes = self.computes * (1 + half * self.inverse_sizes)
        products = self.repeats * np.hypot(slowness * self.loads, computes)
        predicted = self.overheads @ (launch, startup) + np.bincount(self.owners, products)
        ratios: NDArray[np.float64] = np.log(predicted / self.measured)
        return ratios

    def solve(self, kept: NDArray[np.bool_], start: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers that fit the `kept` measurements best: none below 0, bandwidth at most the data sheet's."""
        from scipy.optimize import least_squares

        found = least_squares(
            lambda numbers: self.log_ratios(numbers)[kept],
            start,
            jac="3-point",
            bounds=((0, 0, 1, 0), float("inf")),
            method="dogbox",
            loss="soft_l1",
            f_scale=_OUTLIER,
            **dict.fromkeys(("ftol", "xtol", "gtol"), 1e-13),
        )
        solution: NDArray[np.float64] = found.x
        return solution

    def leave_one_out(self) -> NDArray[np.float64]:
        """Relative error of each measurement, fitted to all others."""
        import numpy as np

        errors = np.empty(len(self.measured))
        for index in range(len(errors)):
            kept = np.arange(len(errors)) != index
            errors[index] = np.expm1(self.log_ratios(self.solve(kept, self.solution))[index])
        errors.flags.writeable = False
        return errors


def _slug(device: str, precision: str) -> str:
    """Name of a device in a precision: tesla-v100-fp16 for fp16_tensor, tesla-v100 for fp32."""
    words = re.findall(r"[a-z0-9]+", device.lower())
    return "-".join(words if precision == "fp32" else [*words, precision.split("_")[0]])


def model_row(gpu: Gpu) -> dict[str, str]:
    """A fitted GPU as a row of ``gpu_models.csv``; what the data sheet says is not in it."""
    row = {name: getattr(gpu, name) for name in ("name", "device", "precision")}
    row |= {name: f"{getattr(gpu, name):.10g}" for name in FITTED}
    row |= {"cells": " ".join(gpu.cells)} | {name: "-".join(map(str, gpu.ranges[name])) for name in RANGES}
    row |= {"inputs_measured": "yes" if gpu.inputs_measured else "no", "num_points": str(gpu.num_points)}
    row |= {name: f"{getattr(gpu, name):.4f}" for name in ERRORS}
    return row | {"source": gpu.source, "status": gpu.status}
