// Drives a machine that Verilator has made: loads what a file of commands says, runs, and writes what comes out.
//
// Words of 32 bits. A command is (1, select, address, count, words...): put words on load_data for a cycle; or
// (2, limit): run until done. For each h: (1, step, place, bits). After a run:
// (2, cycles, tiles, faults, deepest queue of values, of cells, whether it ended).
// A control alone writes into its third file a byte for each cycle: which of the three units took something.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include HEADER
#include "verilated.h"
#ifdef TRACE
#include "verilated_vcd_c.h"
#endif

static MODEL* machine;
static uint64_t now = 0;
#ifdef TRACE
static VerilatedVcdC* trace = nullptr;
#endif

static void half(int level) {
  machine->clk = level;
  machine->eval();
#ifdef TRACE
  if (trace) trace->dump(now);
#endif
  now++;
}

static void tick() {
  half(0);
  half(1);
}

static void put(FILE* out, std::vector<uint32_t> words) { fwrite(words.data(), 4, words.size(), out); }

#ifndef CONTROL
static uint32_t word16(const void* port, int place) {
  uint16_t value;
  memcpy(&value, static_cast<const char*>(port) + 2 * place, 2);
  return value;
}

static void outputs(FILE* out) {
  for (int lane = 0; lane < LANES; lane++) {
    if (reinterpret_cast<const uint8_t*>(&machine->h_valid)[lane / 8] >> (lane % 8) & 1)
      put(out, {1, machine->h_step, word16(&machine->h_places, lane), word16(&machine->h_values, lane)});
  }
}
#else
static FILE* busy = nullptr;

static int valid(const void* port) { return *static_cast<const uint8_t*>(port) & 1; }

static void outputs(FILE*) {
  if (busy) fputc(valid(&machine->issue) | valid(&machine->values) << 1 | valid(&machine->cells) << 2, busy);
}
#endif

static void run(FILE* out, uint32_t limit) {
  machine->start = 1;
  tick();
  machine->start = 0;
  for (uint32_t cycle = 0; cycle < limit && !machine->done; cycle++) {
    half(0);
    outputs(out);
    half(1);
  }
  put(out, {2, machine->cycles, machine->tiles_issued, machine->faults, machine->values_peak, machine->cells_peak, machine->done});
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  machine = new MODEL;
#ifdef TRACE
  if (argc > 3) {
    Verilated::traceEverOn(true);
    trace = new VerilatedVcdC;
    machine->trace(trace, 1);
    trace->open(argv[3]);
  }
#endif
#ifdef CONTROL
  if (argc > 3) busy = fopen(argv[3], "wb");
#endif
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (!in || !out) return 2;
  machine->rst = 1;
  tick();
  machine->rst = 0;
  uint32_t head[4];
  while (fread(head, 4, 2, in) == 2) {
    if (head[0] == 2) {
      run(out, head[1]);
      continue;
    }
    if (fread(head + 2, 4, 2, in) != 2 || head[3] * 4 > sizeof(machine->load_data)) return 3;
    memset(&machine->load_data, 0, sizeof(machine->load_data));
    if (fread(&machine->load_data, 4, head[3], in) != head[3]) return 3;
    machine->load_select = head[1];
    machine->load_address = head[2];
    tick();
    machine->load_select = 0;
  }
  fclose(out);
#ifdef CONTROL
  if (busy) fclose(busy);
#endif
#ifdef TRACE
  if (trace) trace->close();
#endif
  return 0;
}
