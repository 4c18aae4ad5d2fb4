"""Points that differ only in numbers, and that the closed form knows: what they cost, piece by piece, without a table.

What a number depends on are a few axes; so it is kept for these alone, as an array that broadcasts over the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from sharp.cycles import closed_form
from sharp.errors import SpecificationError
from sharp.machine.accelerator import Accelerator
from sharp.space.cutting import Cut, Piece, Reader
from sharp.space.inputs import inputs_of
from sharp.space.prices import PRICED, price_tables
from sharp.space.pricing import Pricing, Traffic
from sharp.space.scenario import Scenario
from sharp.space.space import Places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_TABLE = 2**20
"""Most numbers of a table that is kept; greater ones are worked out for each piece."""

TrafficOf = Callable[[Mapping[str, Any], Accelerator], Traffic]


class Term(NamedTuple):
    """A layer of the points' network."""

    pricing: Pricing
    """Of the space that has the layer, or layers of its kind, as its network."""
    scenario: Scenario
    """One of its points."""
    times: int
    """How often the network has it."""
    traffic: TrafficOf | None
    """What passes around it; None: it is all of its network."""


@dataclass(frozen=True)
class Costs:
    """What the points of a piece cost, an array or one number each."""

    numbers: NDArray[np.int64]
    """Of the points, in the whole space."""
    known: NDArray[np.bool_]
    """Which points have costs; of the others nothing below means anything."""
    refused: Any
    """Why there is no machine: 0 where there is one, else the place of the reason among `Alike.reasons`, plus 1."""
    latency_s: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    """Of the run."""
    area_mm2: Any
    leakage_w: Any


class Alike:
    """Points that differ only in numbers; `costs` gives those of a piece, which any thread may ask for.

    Parameters
    ----------
    terms : sequence of Term
        The layers, whose spaces have the same columns.
    places : mapping of str to numpy.ndarray, intp
        Which value of each column the points have, an axis a column: arrays that broadcast together.
    numbers : mapping of str to numpy.ndarray, int64
        What each value of a column adds to the number of a point, of the same shapes.

    Raises
    ------
    SharpError
        Where no machine of theirs can be made.
    """

    def __init__(self, terms: list[Term], places: Places, numbers: Mapping[str, NDArray[np.int64]]) -> None:
        import numpy as np

        self.terms = terms
        self._numbers = [_slim(each) for each in numbers.values()]
        self.cut = Cut(np.broadcast_shapes(*(each.shape for each in places.values())))
        self.machine = terms[0].scenario.tiles
        self.clock_hz = _slim(terms[0].pricing.space.clock_hz(places))
        self._inputs = [_slim_all(inputs_of(term.pricing.space, places, term.scenario)) for term in terms]
        made = [term.pricing.tables(places) for term in terms]
        self.refused, self.reasons = _slim(made[0][1]), made[0][2]
        """Which points have no machine, 1 and more for the first and further of the reasons."""
        self._quantities: list[Any] = [quantities for quantities, _, _ in made]
        if made[0][0] is None:
            raise SpecificationError(self.reasons[0])
        self._prices = [self._priced(place) if self._is_small(place) else None for place in range(len(terms))]
        area, leakage = terms[0].pricing.area_mm2(made[0][0]), terms[0].pricing.prices(made[0][0]).leakage_w
        self._area_mm2, self._leakage_w = _slim(area), _slim(sum(leakage.values()))

    def __len__(self) -> int:
        return prod(self.cut.shape)

    def costs(self, piece: Piece, reader: Reader) -> Costs:
        """What the points of a piece cost."""
        import numpy as np

        count = prod(piece.shape)
        cycles, energy_j = np.zeros(count), np.zeros(count)
        for place, term in enumerate(self.terms):
            inputs = {name: reader.read(table, piece) for name, table in self._inputs[place].items()}
            prices = self._prices_at(place, piece, reader)
            plan, phases = term.scenario.plan, term.scenario.layer.phases
            assert plan is not None, "a machine of tiles has a plan"
            closed_form.add_costs(inputs, phases, plan, self.machine, prices, term.times, cycles, energy_j)
        known = cycles * inputs["num_macs"] < closed_form.MAX_EXACT
        refused = reader.read(self.refused, piece)
        known &= np.equal(refused, 0)
        numbers = np.zeros(count, dtype=np.int64)
        for table in self._numbers:
            numbers += reader.read(table, piece)
        return Costs(
            numbers=numbers,
            known=known,
            refused=refused,
            latency_s=cycles / reader.read(self.clock_hz, piece),
            energy_j=energy_j,
            area_mm2=reader.read(self._area_mm2, piece),
            leakage_w=reader.read(self._leakage_w, piece),
        )

    # Prices ----------------------------------------------------------------------------------------------------------

    def _is_small(self, place: int) -> bool:
        """Whether prices of all points are few enough to be kept."""
        import numpy as np

        inputs = (self._inputs[place][name] for name in PRICED)
        tables = (*inputs, *self._quantities[place].values(), self.clock_hz)
        return prod(np.broadcast_shapes(*map(np.shape, tables))) <= _MAX_TABLE

    def _prices_at(self, place: int, piece: Piece, reader: Reader) -> dict[str, Any]:
        """Prices of a layer's counts for the points of a piece."""
        kept = self._prices[place]
        if kept is None:
            kept, piece, reader = self._priced(place, piece), piece.inside, Reader()
        return {name: reader.read(table, piece) for name, table in kept.items()}

    def _priced(self, place: int, piece: Piece | None = None) -> dict[str, Any]:
        """Prices of a layer's counts, of all points or of those of a piece."""
        term = self.terms[place]
        inputs, quantities, clock = self._inputs[place], self._quantities[place], self.clock_hz
        if piece is not None:
            inputs, quantities = (
                {name: piece.of(table) for name, table in tables.items()} for tables in (inputs, quantities)
            )
            clock = piece.of(clock)
        plan, layer = term.scenario.plan, term.scenario.layer
        assert plan is not None, "a machine of tiles has a plan"
        traffic = None if term.traffic is None else term.traffic(inputs, self.machine)
        return _slim_all(price_tables(term.pricing, quantities, inputs, clock, layer, plan, traffic).items())


def _slim(table: Any) -> Any:
    """A table, or its number where it has one alone."""
    return table.reshape(-1)[0].item() if getattr(table, "size", 0) == 1 else table


def _slim_all(tables: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: _slim(table) for name, table in tables}
