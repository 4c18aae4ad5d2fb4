"""Tables of the closed form: what goes in, what comes out, what is kept of a block of rows.

Included by closed_form.pxi, which has the design.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>

    /* To the nearest integer, |x| < 2^51; without a rounding instruction by way of the last bit of a large number. */
    static inline double sharp_round(double x) {
    #if defined(__SSE4_1__) || defined(__aarch64__)
        return rint(x);
    #else
        const double magic = 6755399441055744.0;
        return (x + magic) - magic;
    #endif
    }

    /* Round up, 0 <= x < 2^51. */
    static inline double sharp_ceil(double x) {
    #if defined(__SSE4_1__) || defined(__aarch64__)
        return ceil(x);
    #else
        double rounded = sharp_round(x);
        return rounded + (rounded < x ? 1.0 : 0.0);
    #endif
    }

    /* ceil(log2 n) of an integer n >= 1: the binary exponent of n - 1, plus one. */
    static inline double sharp_ceil_log2(double n) {
        union { double number; uint64_t bits; } value, exponent;
        value.number = n - 1.0;
        exponent.bits = (value.bits >> 52) | 0x4330000000000000ULL;
        double log2 = exponent.number - 4503599627370496.0 - 1022.0;
        return log2 > 0.0 ? log2 : 0.0;
    }

    /* The x86-64 level that the processor has and we build for: 4, 3, or 0. */
    static inline int sharp_level(void) {
    #if defined(__x86_64__) && defined(__GNUC__)
        __builtin_cpu_init();
        if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")))
            return 0;
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl") ? 4 : 3;
    #else
        return 0;
    #endif
    }
    """
    int sharp_level() noexcept nogil
    double sharp_ceil(double x) noexcept nogil
    double sharp_round(double x) noexcept nogil
    double sharp_ceil_log2(double n) noexcept nogil

cdef enum:
    BLOCK = 128
    MAX_HEIGHTS = 8

# Inputs and results, an array each; the names of the fields go to Python, which types none of them.
cdef struct Inputs:  # latencies in cycles
    double input_size[BLOCK]
    double hidden_size[BLOCK]
    double recurrent_size[BLOCK]
    double num_directions[BLOCK]
    double seq_len[BLOCK]
    double batch_size[BLOCK]
    double num_macs[BLOCK]
    double tile_rows[BLOCK]  # 0: the best
    double activation_lanes[BLOCK]
    double rows_per_update_lane[BLOCK]
    double multiply[BLOCK]
    double add[BLOCK]
    double levels_per_cycle[BLOCK]  # of the reduction tree
    double accumulate[BLOCK]
    double activation[BLOCK]
    double update[BLOCK]
    double intermediate_words[BLOCK]
    double weight_buffer_bytes[BLOCK]
    double dram_bytes_per_cycle[BLOCK]

cdef struct Results:  # the first three in multiplier-cycles
    double useful[BLOCK]
    double column_padding[BLOCK]
    double row_padding[BLOCK]
    double total_cycles[BLOCK]  # in cycles from here on
    double dependency_stall[BLOCK]
    double weight_load[BLOCK]
    double fill_drain[BLOCK]
    double chosen_tile_rows[BLOCK]  # 0: the schedule can use none
    double streamed_share[BLOCK]  # of the weights, in every step
    double first_load[BLOCK]  # cycles before the first step, in which what stays on chip arrives; for the choice alone

cdef struct Counts:
    double used_bank_reads[BLOCK]
    double vector_reads[BLOCK]
    double sums_kept[BLOCK]

cdef struct Cell:
    double gates  # of the first phase
    double sums_per_cell
    double activation_passes
    double weight_bytes

# Inverses of inputs, a row each.
cdef enum:
    PER_MAC = 0
    PER_LANE = 1
    PER_ROW_OF_LANE = 2
    PER_LEVEL = 3
    NUM_INVERSES = 4

# What follows from the machine and a tile height alone, a row each (`derive`).
cdef enum:
    HEIGHT = 0  # of the layer's tile
    PER_ROW = 1  # its inverse
    COLUMNS = 2
    PER_UPDATE_LANE = 3  # inverse
    CELLS = 4  # of a full block
    PER_CELL = 5  # its inverse
    WIDTH = 6  # of the tile of a full block
    PER_WIDTH = 7  # its inverse
    NUM_DERIVED = 8

SCHEDULES = ("sequential", "batch", "intergate", "unfolded")

cdef enum:  # places in SCHEDULES
    SEQUENTIAL = 0
    BATCH = 1
    INTERGATE = 2
    UNFOLDED = 3
    UNFOLDED_WHOLE = 4  # where the intermediate buffer is known to hold every early sum

SHAPES = ("plain", "separate", "projected", "two_phase")

cdef enum:  # places in SHAPES
    PLAIN = 0
    SEPARATE = 1  # sums over x and h stay apart
    PROJECTED = 2  # a product with what the cells give follows
    TWO_PHASE = 3  # one more gate, over x and what the first phase gives, follows

cdef double IMPOSSIBLE = 1e300  # total of a tile height that the schedule cannot use, more than any other


cdef struct Block:
    Inputs inputs
    double inverses[NUM_INVERSES][BLOCK]
    double tiles[MAX_HEIGHTS + 1][NUM_DERIVED][BLOCK]  # the last one's heights are those that were chosen
    Results results
    Results best
    Counts counts


cdef struct Settings:
    double gates  # of the first phase
    double block_gates  # that share a block
    double sums_per_cell
    double activation_passes
    double weight_bytes
    double fixed  # 1 without reconfiguration, or 0
    int num_tiles  # tile heights to try: one, or all
    double heights[MAX_HEIGHTS]  # ascending
    double higher[MAX_HEIGHTS]  # by how much the next one is, 0 after the last


cdef struct Row:
    double x  # sizes of the layer
    double h
    double r
    double directions
    double steps
    double batch
    double weights  # of a direction
    double num_macs
    double tile_rows
    double per_mac  # inverses
    double per_lane
    double per_update_lane
    double mvm  # latencies
    double activation
    double update
    double multiply
    double words  # sums that the intermediate buffer holds
    double share  # of the weights that stream in every step
    double stream  # bytes of a weight that do
    double bytes_per_cycle


cdef struct Cut:  # blocks of cells: full ones, and one that remains
    double gates  # rows of a cell
    double cells
    double width  # of the tile of a full block
    double per_width
    double full
    double rest  # cells of the last block, 0: there is none
    double last  # 1 or 0
    double last_width
    double last_per_width
    double split  # blocks that issue x one step ahead
    double split_last


cdef struct Timing:  # cycles of a direction
    double early  # of the array, for the next step
    double covering  # of these, what follows a projection to cover its latency
    double step  # from one step to the next
    double last_step
    double last_tile  # of the last step, until the array is done


cdef struct Segments:  # a run of equal segments; where there are none, they cost nothing
    double count
    double covers  # multipliers that a tile needs for the rows
    double busy  # cycles of the array, and of these with the wait for weights
    double array
    double activation
    double update


cdef struct Flow:  # when each unit is free, and what the tiles issued so far needed
    double array
    double activation
    double update
    double busy
    double covered
    double load
