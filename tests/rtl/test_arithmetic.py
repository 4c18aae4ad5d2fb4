"""The arithmetic beside NumPy's, bit for bit."""

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="needs the extra rtl")

from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from sharp.rtl.arithmetic.add import add
from sharp.rtl.arithmetic.convert import convert
from sharp.rtl.arithmetic.floats import HALF, SINGLE
from sharp.rtl.arithmetic.multiply import multiply

COUNT = 400
EDGES16 = [0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x3C01]
EDGES32 = [0, 1 << 31, 1, 0x7FFFFF, 0x800000, 0x80000001, 0x3F800000, 0xBF800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000]
EDGES32 += [0xFF800000, 0x7FC00000, 0x33800000, 0x33800001, 0x33000000, 0x33000001, 0x477FEFFF, 0x477FF000, 0x38800000]


def computed(operation, widths, *operands):
    """What the hardware gives for each tuple of operands."""
    m = Module()
    inputs = [Signal(width) for width in widths]
    output = operation(m, *inputs)
    result = Signal(len(output))
    m.d.comb += result.eq(output)
    simulator, seen = Simulator(m), []

    async def bench(context):
        for values in zip(*operands, strict=True):
            for signal, value in zip(inputs, values, strict=True):
                context.set(signal, int(value))
            await context.delay(1e-9)
            seen.append(context.get(result))

    simulator.add_testbench(bench)
    simulator.run()
    return np.array(seen, dtype=np.uint64)


def patterns(width, count, seed):
    """Bits of numbers: any pattern, and patterns with exponents near each other, and all edges."""
    generator = np.random.default_rng(seed)
    anything = generator.integers(0, 1 << width, count)
    if width == 16:
        near = generator.normal(size=count).astype(np.float16).view(np.uint16).astype(np.int64)
    else:
        scaled = generator.normal(size=count) * 2.0 ** generator.integers(-20, 20, count)
        near = scaled.astype(np.float32).view(np.uint32).astype(np.int64)
    return np.where(generator.random(count) < 0.5, anything, near)


def pairs(width, seed):
    edges = EDGES16 if width == 16 else EDGES32
    a, b = np.array([(a, b) for a in edges for b in edges]).T
    return np.concatenate([a, patterns(width, COUNT, seed)]), np.concatenate([b, patterns(width, COUNT, seed + 1)])


def floats(bits, width):
    return bits.astype(f"u{width // 8}").view(f"f{width // 8}")


def same(got, expected):
    """Whether bits are those of floats; any not-a-number is like any other."""
    nan = np.isnan(expected)
    bits = expected.view(f"u{expected.itemsize}").astype(np.uint64)
    assert np.isnan(floats(got, 8 * expected.itemsize)[nan]).all()
    np.testing.assert_array_equal(got[~nan], bits[~nan])


def test_product_of_halves_is_exact():
    a, b = pairs(16, seed=1)
    got = computed(lambda m, x, y: multiply(m, x, y, (HALF, HALF), SINGLE), (16, 16), a, b)
    with np.errstate(all="ignore"):
        same(got, floats(a, 16).astype(np.float32) * floats(b, 16).astype(np.float32))


def test_product_of_singles():
    a, b = pairs(32, seed=2)
    low = patterns(32, 2 * COUNT, 3) >> 8 << 7  # products that underflow
    a, b = np.concatenate([a, low[:COUNT]]), np.concatenate([b, low[COUNT:]])
    got = computed(lambda m, x, y: multiply(m, x, y, (SINGLE, SINGLE), SINGLE), (32, 32), a, b)
    with np.errstate(all="ignore"):
        same(got, floats(a, 32) * floats(b, 32))


def test_product_of_a_single_and_a_half():
    a, b = patterns(32, COUNT, 4), patterns(16, COUNT, 5)
    got = computed(lambda m, x, y: multiply(m, x, y, (SINGLE, HALF), SINGLE), (32, 16), a, b)
    with np.errstate(all="ignore"):
        same(got, floats(a, 32) * floats(b, 16).astype(np.float32))


@pytest.mark.parametrize("width", [16, 32])
def test_product_of_halves_rounded(width):
    form = {16: HALF, 32: SINGLE}[width]
    a, b = pairs(16, seed=6)
    got = computed(lambda m, x, y: multiply(m, x, y, (HALF, HALF), form), (16, 16), a, b)
    with np.errstate(all="ignore"):
        same(got, (floats(a, 16).astype(np.float32) * floats(b, 16).astype(np.float32)).astype(f"f{width // 8}"))


@pytest.mark.parametrize("width", [16, 32])
def test_sum(width):
    form = {16: HALF, 32: SINGLE}[width]
    a, b = pairs(width, seed=7)
    close = b ^ np.random.default_rng(8).integers(0, 16, len(b)) ^ 1 << (width - 1)  # much of it cancels
    a, b = np.concatenate([a, b]), np.concatenate([b, close])
    got = computed(lambda m, x, y: add(m, x, y, form), (width, width), a, b)
    with np.errstate(all="ignore"):
        same(got, floats(a, width) + floats(b, width))


def test_conversion_to_half():
    a = np.concatenate([EDGES32, patterns(32, COUNT, 9), 0x33000000 + patterns(32, COUNT, 10) % 0x14800000])
    got = computed(lambda m, x: convert(m, x, SINGLE, HALF), (32,), a)
    with np.errstate(all="ignore"):
        same(got, floats(a, 32).astype(np.float16))


def test_conversion_to_single_is_exact():
    a = np.concatenate([EDGES16, patterns(16, COUNT, 11)])
    got = computed(lambda m, x: convert(m, x, HALF, SINGLE), (16,), a)
    same(got, floats(a, 16).astype(np.float32))
