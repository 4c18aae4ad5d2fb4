"""Random layers and machines: sizes 1 to 4096, not only powers of two, every schedule, every kind of latency."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from sharp import SCHEDULES, Accelerator, RNNLayer, find_accelerator
from sharp.kernels import reference

BASE = find_accelerator("sharp")
MAX_REFERENCE_SEGMENTS = 2500
LATENCIES = ("multiply_ns", "add_ns", "accumulate_ns", "activation_ns", "update_ns")


@dataclass(frozen=True)
class Case:
    """A layer with everything that decides its cycles."""

    layer: RNNLayer
    seq_len: int
    accelerator: Accelerator
    schedule: str
    tile_rows: int
    reconfiguration: bool

    @property
    def options(self) -> dict:
        return {
            "schedule": self.schedule,
            "tile_rows": self.tile_rows,
            "reconfiguration": self.reconfiguration,
        }

    def reference(self) -> reference.Counts:
        """What the specification gives."""
        machine = reference.Machine(
            self.accelerator.num_macs,
            self.accelerator.tile_rows,
            self.accelerator.activation_lanes,
            self.accelerator.rows_per_update_lane,
            *(self.accelerator.cycles(latency) for latency in LATENCIES),
        )
        return reference.simulate(
            machine,
            self.schedule,
            self.layer.hidden_size,
            self.layer.input_size,
            self.seq_len,
            self.tile_rows,
            self.reconfiguration,
        )


# Half the sizes small, where blocks do not fill a tile, half anywhere up to 4096.
sizes = st.one_of(st.integers(1, 128), st.integers(1, 4096))


@st.composite
def accelerators(draw: st.DrawFn) -> Accelerator:
    heights = draw(
        st.lists(st.sampled_from([4, 5, 6, 8, 12, 16, 32, 48, 64, 128, 256, 512]), min_size=1, max_size=4, unique=True)
    )
    common = 1
    for height in heights:
        common = common * height // _gcd(common, height)
    num_macs = common * draw(st.one_of(st.integers(1, 64), st.integers(1, 4096)))
    return replace(
        BASE,
        num_macs=num_macs,
        tile_rows=tuple(sorted(heights)),
        clock_hz=draw(st.sampled_from([1e8, 2.5e8, 5e8, 7e8, 1e9])),
        activation_lanes=draw(st.integers(1, 300)),
        rows_per_update_lane=draw(st.integers(1, 9)),
        multiply_ns=draw(st.floats(0.5, 6)),
        add_ns=draw(st.floats(0.5, 4)),
        accumulate_ns=draw(st.floats(0.5, 8)),
        activation_ns=draw(st.floats(1, 60)),
        update_ns=draw(st.floats(1, 80)),
    )


@st.composite
def cases(draw: st.DrawFn, schedules: tuple[str, ...] = tuple(SCHEDULES)) -> Case:
    accelerator = draw(accelerators())
    layer = RNNLayer(hidden_size=draw(sizes), input_size=draw(sizes))
    tile_rows = draw(st.sampled_from(accelerator.tile_rows))
    segments = 4 * -(-layer.hidden_size // tile_rows)
    return Case(
        layer=layer,
        seq_len=draw(st.integers(1, max(1, min(40, MAX_REFERENCE_SEGMENTS // segments)))),
        accelerator=accelerator,
        schedule=draw(st.sampled_from(schedules)),
        tile_rows=tile_rows,
        reconfiguration=draw(st.booleans()),
    )


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a
