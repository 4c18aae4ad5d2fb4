"""Where layers stand in a network: what each reads, and how many steps follow from that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from sharp.checks import (
    check_flag,
    check_integer,
    check_items,
    check_kind,
    check_name,
    check_number,
    check_text,
    refuse,
    suggestion,
)
from sharp.workload.sequences import Sequences

INPUT = "input"
"""What a layer reads that reads the network's input; others have a name of their own, such as "input:target"."""
JOINS = ("concat", "sum")
"""How several vectors become one: one behind the other, or added up."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a layer stands in a network: its name, what it reads, and how its steps follow from that.

    A network without places is a chain, in which each layer reads the one before. What makes no sense is refused with
    a `SpecificationError` when the place is made, or when it is put into a network.

    Examples
    --------
    A pyramid: the upper layer reads two successive steps of the lower one at a time, in half as many steps of its own.

    >>> import sharp
    >>> lower = sharp.RNNLayer(input_size=40, hidden_size=64, bidirectional=True)
    >>> upper = sharp.RNNLayer(input_size=2 * 128, hidden_size=64)
    >>> places = (sharp.Place(name="lower"), sharp.Place(name="upper", reads=("lower",), stack_frames=2))
    >>> network = sharp.Network(name="pyramid", layers=(lower, upper), places=places, seq_len=100)
    >>> [sequences.num_steps for sequences in network.layer_sequences]
    [100, 50]
    """

    name: str = ""
    """As other layers, reports and errors call it; a layer that nothing reads by name needs none."""
    reads: tuple[str, ...] = ()
    """Names of layers before it, "input", or a further input such as "input:target"; empty: the layer before."""
    join: str = "concat"
    """One of `JOINS`: how what it reads becomes one vector."""
    stack_frames: int = 1
    """Successive steps of what it reads that are one step of its own, their vectors one behind the other."""
    last_step: bool = False
    """Whether it reads the last step alone, and so has one step itself."""
    context_size: int = 0
    """Elements of its input that come from what is not modelled, such as an attention, besides what it reads."""
    feedback: str = ""
    """Name of a layer whose output its next step waits for, as in a decoder that reads its own words; "": none."""
    feedback_ns: float = 0
    """Nanoseconds from that output to this layer's input, such as those of sampling and embedding a word."""
    through: tuple[str, ...] = ()
    """Operators between what it reads and itself that are not modelled ("Conv"); they may change the size."""
    sequences: Sequences | None = None
    """Its own steps and sequences, where they do not follow from what it reads."""
    label: str = field(default="", compare=False, repr=False)
    """Where a file has it, such as "layers[2]", for errors; its name by default."""

    def __post_init__(self) -> None:
        for name in ("name", "feedback"):
            if getattr(self, name) != "":
                check_text(name, getattr(self, name))
        if self.name == INPUT or self.name.startswith(f"{INPUT}:"):
            raise refuse("name", "another name than the network's input has", self.name)
        for name, what in (("reads", "names of layers, or input"), ("through", "names of operators")):
            names = check_items(name, getattr(self, name), what)
            object.__setattr__(self, name, tuple(check_text(name, each) for each in names))
        if len(set(self.reads)) < len(self.reads):
            raise refuse("reads", "different names", self.reads)
        check_name("join", self.join, JOINS)
        object.__setattr__(self, "stack_frames", check_integer("stack_frames", self.stack_frames))
        object.__setattr__(self, "context_size", check_integer("context_size", self.context_size, minimum=0))
        check_flag("last_step", self.last_step)
        if self.feedback_ns != 0:
            check_number("feedback_ns", self.feedback_ns)
        if self.last_step and self.stack_frames > 1:
            raise refuse("stack_frames", "1 where the last step alone is read", self.stack_frames)
        if self.sequences is not None:
            check_kind("sequences", self.sequences, Sequences)

    def follow(self, read: Sequences) -> Sequences:
        """The steps of a layer here, from those of what it reads."""
        return read.last_steps if self.last_step else read.stacked(self.stack_frames)


@dataclass(frozen=True, kw_only=True)
class NotModelled:
    """What a network does besides its layers, by an operator such as "Conv".

    Examples
    --------
    A convolution before the first layer, which does as much as the layer itself:

    >>> import sharp
    >>> conv = sharp.NotModelled(count=1, macs=4 * 8 * 16 * 10)
    >>> layer = sharp.RNNLayer(input_size=8, hidden_size=8)
    >>> network = sharp.Network(name="mine", layers=(layer,), seq_len=10, not_modelled={"Conv": conv})
    >>> network.modelled_share
    0.5
    """

    count: int
    """Times that the operator stands in the network."""
    macs: int
    """Multiply-accumulates of all of them in a run of the whole network."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", check_integer("count", self.count))
        object.__setattr__(self, "macs", check_integer("macs", self.macs, minimum=0))


class Sized(Protocol):
    """What a graph knows of a layer."""

    @property
    def input_size(self) -> int:
        """Elements that it reads a step."""

    @property
    def output_size(self) -> int:
        """Elements that it puts out a step."""


class Graph(NamedTuple):
    """A network's layers with what each reads; `make_graph` makes it of places that make sense."""

    labels: tuple[str, ...]
    """What errors and reports call each layer."""
    reads: tuple[tuple[int | str, ...], ...]
    """What each layer reads: layers by their index, inputs of the network by their name."""
    feedbacks: tuple[int, ...]
    """Index of the layer that a layer's next step waits for, -1: none."""
    sequences: tuple[Sequences, ...]
    """Steps and sequences of each layer."""


def make_graph(layers: Sequence[Sized], places: Sequence[Place], sequences: Sequences) -> Graph:
    """Find what each layer reads, and refuse what does not fit.

    Parameters
    ----------
    layers : sequence of layers
        In an order in which each comes after those that it reads.
    places : sequence of Place
        Of each layer.
    sequences : Sequences
        Of the network's inputs.

    Raises
    ------
    SpecificationError
        Where a name is not there, or sizes or steps do not fit; the layer is named as its file does.
    """
    labels = tuple(place.name or place.label or f"layers[{index}]" for index, place in enumerate(places))
    known: dict[str, int] = {}
    for index, place in enumerate(places):
        if place.name in known:
            raise refuse(f"{place.label or f'layers[{index}]'}.name", "a name that no other layer has", place.name)
        if place.name:
            known[place.name] = index
    reads = tuple(_sources(labels[index], place, index, known) for index, place in enumerate(places))
    feedbacks = tuple(_feedback(labels[index], place, known) for index, place in enumerate(places))
    inputs: dict[str, int] = {}
    steps: list[Sequences] = []
    for index, (layer, place) in enumerate(zip(layers, places, strict=True)):
        _check_size(index, layer, place, layers, labels, reads[index], inputs)
        given = [steps[source] if isinstance(source, int) else sequences for source in reads[index]]
        steps.append(_follow(labels[index], place, given, [_name(source, labels) for source in reads[index]]))
    return Graph(labels, reads, feedbacks, tuple(steps))


def _sources(label: str, place: Place, index: int, known: Mapping[str, int]) -> tuple[int | str, ...]:
    """What a layer reads."""
    if not place.reads:
        return (index - 1 if index else INPUT,)
    sources: list[int | str] = []
    for name in place.reads:
        if name == INPUT or name.startswith(f"{INPUT}:"):
            sources.append(name)
        elif known.get(name, index) < index:
            sources.append(known[name])
        else:
            before = [each for each, at in known.items() if at < index]
            hint = " (which comes after it)" if name in known else suggestion(name, [INPUT, *before])
            raise refuse(f"{label}.reads", "input, or names of layers before it", name, hint)
    return tuple(sources)


def _feedback(label: str, place: Place, known: Mapping[str, int]) -> int:
    if place.feedback and place.feedback not in known:
        raise refuse(f"{label}.feedback", "the name of a layer", place.feedback, suggestion(place.feedback, known))
    return known[place.feedback] if place.feedback else -1


def _check_size(
    index: int,
    layer: Sized,
    place: Place,
    layers: Sequence[Sized],
    labels: Sequence[str],
    sources: tuple[int | str, ...],
    inputs: dict[str, int],
) -> None:
    """Refuse a layer that does not take what it reads; a network's input is as wide as its first reader says."""
    if place.through:
        return
    widths = [layers[source].output_size if isinstance(source, int) else inputs.get(source) for source in sources]
    own, rest = divmod(layer.input_size - place.context_size, place.stack_frames)
    if widths.count(None) == 1 and not rest:
        sizes = [width for width in widths if width is not None]
        width = own - sum(sizes) if place.join == "concat" or not sizes else sizes[0]
        if width > 0:
            inputs[str(sources[widths.index(None)])] = width
            widths[widths.index(None)] = width
    names = [_name(source, labels) for source in sources]
    each = [width or 1 for width in widths]
    if place.join == "sum" and len(set(each)) > 1:
        given = ", ".join(f"{width} from {name}" for width, name in zip(each, names, strict=True))
        raise refuse(f"{labels[index]}.reads", "vectors of one size, as they are added", given)
    expected = place.stack_frames * (each[0] if place.join == "sum" else sum(each)) + place.context_size
    if expected != layer.input_size:
        reason = _reason(place, names, sources == (index - 1,) and labels[index - 1] == labels[index])
        raise refuse(f"{labels[index]}.input_size", f"{expected} ({reason})", layer.input_size)


def _reason(place: Place, names: Sequence[str], is_repeated: bool) -> str:
    """Why a layer has to read so many elements: "what enc.1 puts out, 2 steps at a time"."""
    if is_repeated:
        return "what it puts out, as it is repeated"
    joined = f", {'added' if place.join == 'sum' else 'one behind the other'}" if len(names) > 1 else ""
    stacked = f", {place.stack_frames} steps at a time" if place.stack_frames > 1 else ""
    context = f", and {place.context_size} of context" if place.context_size else ""
    return f"what {_listed(names)} {'put' if len(names) > 1 else 'puts'} out{joined}{stacked}{context}"


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _name(source: int | str, labels: Sequence[str]) -> str:
    return f"the network's {source}" if isinstance(source, str) else labels[source]


def _follow(label: str, place: Place, given: Sequence[Sequences], names: Sequence[str]) -> Sequences:
    """The steps of a layer, its own or those of what it reads."""
    if place.sequences is not None:
        return place.sequences
    for name, sequences in zip(names, given, strict=True):
        if sequences != given[0]:
            got = f"{given[0].num_steps} from {names[0]}, {sequences.num_steps} from {name}"
            raise refuse(f"{label}.reads", "layers of as many steps (or a seq_len of its own)", got)
    return place.follow(given[0])
