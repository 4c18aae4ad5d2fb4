/**
 * The cycle model of the explorer page: one layer on one machine, exact to the cycle.
 *
 * The rules are those of sharp/kernels/reference.py and of the book's page "The machine", written once more;
 * tests/test_explorer.py compares totals, splits, tile heights and events with `sharp` on thousands of settings.
 * No DOM here: the page is explorer.js, the numbers of the machines are in data.js. Keys of settings and results are
 * the library's names, as in `sharp run --json`.
 *
 * @typedef {object} Machine A machine at one clock, latencies in cycles.
 * @property {number} num_macs Multipliers M.
 * @property {number} clock_hz
 * @property {number[]} tile_rows Tile heights K, ascending.
 * @property {number} activation_lanes
 * @property {number} rows_per_update_lane
 * @property {{multiply: number, add: number, accumulate: number, activation: number, update: number,
 *   levels_per_cycle: number}} cycles Latencies, and how many levels of the reduction tree share one `add`.
 * @property {number} intermediate_words Sums that the intermediate buffer holds.
 * @property {number} weight_bytes
 * @property {number} weight_buffer_bytes
 *
 * @typedef {object} Setting What runs on it, and how.
 * @property {"lstm"|"gru"|"gru-reset-before"|"rnn"} cell
 * @property {number} input_size
 * @property {number} hidden_size
 * @property {boolean} bidirectional
 * @property {number} seq_len
 * @property {number} batch_size
 * @property {"sequential"|"batch"|"intergate"|"unfolded"|"interleaved"} schedule
 * @property {boolean} reconfiguration
 * @property {number|"best"} tile_rows
 */
(function (root) {
  "use strict";

  /** Products of a step that wait for the same vector: h of the step before, or s = r * h. */
  const PHASE = { gates: "", operand: "h", separate_sums: false, activation_passes: 1, update: "update", gives: "h" };
  const PHASES = {
    lstm: [{ ...PHASE, gates: "ifgo" }],
    gru: [{ ...PHASE, gates: "rzn", separate_sums: true, activation_passes: 2 }],
    "gru-reset-before": [
      { ...PHASE, gates: "rz", update: "multiply", gives: "s" },
      { ...PHASE, gates: "n", operand: "s" },
    ],
    rnn: [{ ...PHASE, gates: "h" }],
  };

  const UNITS = ["array", "activation", "update"];
  const CYCLE_PARTS = ["dependency_stall", "fill_drain"];
  const MULTIPLIER_PARTS = ["useful", "column_padding", "row_padding"];
  const LIMITS = { input_size: 4096, hidden_size: 4096, seq_len: 2000, batch_size: 16, num_macs: 2 ** 24 };
  const NAMES = {
    input_size: "Input size",
    hidden_size: "Hidden size",
    seq_len: "Time steps",
    batch_size: "Sequences",
    num_macs: "MACs",
  };

  /** A setting that cannot run; the message is one sentence for the reader. */
  class Refused extends Error {}

  /** A tile height that the schedule cannot use; another one may do. */
  class RefusedHeight extends Refused {}

  const ceilDiv = (a, b) => Math.ceil(a / b);
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

  // The machine and the setting -------------------------------------------------------------------------------------

  /**
   * A machine of data.js with some multipliers, and the clock of the budget that they are.
   * @param {object} data An entry of `SharpData.machines`.
   * @param {string} macs A budget ("96K"), a number ("4096"), or one in units of 1024 ("8K").
   * @returns {Machine}
   */
  function machineOf(data, macs) {
    const label = String(macs).trim().toUpperCase();
    const match = /^(\d{1,15})(K?)$/.exec(label);
    const number = data.budgets[label]?.num_macs ?? (match ? Number(match[1]) * (match[2] ? 1024 : 1) : 0);
    checkNumber("num_macs", number);
    const budget = Object.values(data.budgets).find((each) => each.num_macs === number);
    const clock = budget ? budget.clock_hz : data.clock_hz;
    return { ...data, num_macs: number, clock_hz: clock, cycles: data.cycles[clock] };
  }

  function checkNumber(name, value) {
    if (!(Number.isInteger(value) && value >= 1 && value <= LIMITS[name])) {
      throw new Refused(`${NAMES[name]}: give a whole number from 1 to ${LIMITS[name].toLocaleString("en-US")}.`);
    }
  }

  function check(machine, setting) {
    ["input_size", "hidden_size", "seq_len", "batch_size"].forEach((name) => checkNumber(name, setting[name]));
    const heights = machine.tile_rows;
    const odd = heights.find((height) => machine.num_macs % height);
    if (odd) {
      throw new Refused(
        `${machine.num_macs} MACs do not make whole tiles: the number must be a multiple of every tile height ` +
          `(${heights.join(", ")}), and ${odd} does not divide it.`,
      );
    }
    if (setting.tile_rows !== "best" && !heights.includes(setting.tile_rows)) {
      throw new Refused(`This machine has no tile of ${setting.tile_rows} rows, only ${heights.join(", ")}.`);
    }
    const gateByGate = setting.schedule === "sequential" || setting.schedule === "batch";
    if (gateByGate && setting.cell === "gru-reset-before") {
      throw new Refused(
        `Under ${setting.schedule} the gates run one after the other without waiting, but gate n of this GRU waits ` +
          "for r; choose intergate, unfolded or interleaved.",
      );
    }
  }

  // A layer on a tile -----------------------------------------------------------------------------------------------

  /** Everything that the segments of one direction of a layer on one tile height depend on. */
  function makeTask(machine, setting, tileRows) {
    const directions = setting.bidirectional ? 2 : 1;
    const turns = setting.schedule === "interleaved";
    return {
      machine,
      setting,
      tileRows,
      phases: PHASES[setting.cell],
      batch: turns ? 1 : setting.batch_size,
      chains: turns ? directions * setting.batch_size : 1,
      repeated: turns ? 1 : directions,
      sequences: directions * setting.batch_size,
      updateLanes: Math.max(1, Math.floor(tileRows / machine.rows_per_update_lane)),
    };
  }

  /** Height of the tile that serves some rows: with reconfiguration the smallest that holds them. */
  function tileHeight(task, rows) {
    if (!task.setting.reconfiguration || rows >= task.tileRows) return task.tileRows;
    return task.machine.tile_rows.find((height) => height >= rows);
  }

  /**
   * Rows of some gates of a phase times the columns of an operand ("x", "h" or "xh"), and what they cost each unit.
   * `updated` cells are complete after it; with `ahead` it works for the step after its round.
   */
  function makeSegment(task, phase, gates, operand, cells, updated, ahead = false) {
    const { machine, batch } = task;
    const sizes = { x: task.setting.input_size, h: task.setting.hidden_size, s: task.setting.hidden_size };
    const columns = [...operand].map((letter) => sizes[letter]);
    const sums = phase.separate_sums ? columns : [sum(columns)];
    const rows = gates.length * cells;
    const height = tileHeight(task, rows);
    const width = machine.num_macs / height;
    const tiles = sum(sums.map((each) => ceilDiv(each, width)));
    const waitsFor = operand.replace("x", "");
    return {
      gates,
      operand,
      rows,
      width,
      ahead,
      waitsFor,
      gives: updated ? phase.gives : "",
      array: batch * tiles,
      activation: waitsFor ? ceilDiv(batch * rows, machine.activation_lanes) : 0,
      activationLatency: phase.activation_passes * machine.cycles.activation,
      update: updated ? ceilDiv(batch * updated, task.updateLanes) : 0,
      updateLatency: machine.cycles[phase.update],
      useful: rows * sum(columns),
      column_padding: rows * (tiles * width - sum(columns)),
      row_padding: (height - rows) * tiles * width,
    };
  }

  // The schedules: a round is a list of runs, and a run some segments issued `repeats` times ------------------------

  /** Cut cells into blocks: the full ones, then what remains. */
  function blocksOf(cells, block) {
    const full = Math.floor(cells / block);
    return [
      { cells: block, repeats: full },
      { cells: cells - full * block, repeats: 1 },
    ].filter((run) => run.cells > 0 && run.repeats > 0);
  }

  /** Cells whose gates of a phase all fit one segment, floor(K / gates). */
  function fusedBlock(task, phase) {
    const gates = phase.gates.length;
    if (task.tileRows < gates) {
      throw new RefusedHeight(
        `A tile of ${task.tileRows} rows is too small: this schedule puts gates ${[...phase.gates].join(", ")} of a ` +
          `cell in one segment and needs at least ${gates} rows.`,
      );
    }
    return Math.floor(task.tileRows / gates);
  }

  /** Cells, whole blocks of them, whose sums over x of the next step fit the intermediate buffer. */
  function bufferedCells(task, phase) {
    const block = fusedBlock(task, phase);
    const words = (phase.gates.length + phase.separate_sums) * block * task.batch * task.chains;
    return Math.min(task.setting.hidden_size, Math.floor(task.machine.intermediate_words / words) * block);
  }

  /** Runs over blocks of cells with all gates of a phase; complete where they hold what the phase waits for. */
  function product(task, phase, operand, blocks, ahead = false) {
    const complete = operand.includes(phase.operand);
    return blocks.map(({ cells, repeats }) => ({
      segments: [makeSegment(task, phase, phase.gates, operand, cells, complete ? cells : 0, ahead)],
      repeats,
    }));
  }

  /** Gate after gate; all cells update after the last gate's last segment. */
  function sequential(task) {
    const [phase] = task.phases;
    const size = task.setting.hidden_size;
    const runs = [...phase.gates].flatMap((gate) =>
      blocksOf(size, task.tileRows).map(({ cells, repeats }) => ({
        segments: [makeSegment(task, phase, gate, "xh", cells, 0)],
        repeats,
      })),
    );
    const last = runs[runs.length - 1];
    last.repeats -= 1;
    const { gates, rows } = last.segments[0];
    const updating = { segments: [makeSegment(task, phase, gates, "xh", rows, size)], repeats: 1 };
    return [...runs.filter((run) => run.repeats > 0), updating];
  }

  /** A block of cells at a time, gate after gate. */
  function batch(task) {
    const [phase] = task.phases;
    const gates = [...phase.gates];
    return blocksOf(task.setting.hidden_size, task.tileRows).map(({ cells, repeats }) => ({
      segments: gates.map((gate, index) =>
        makeSegment(task, phase, gate, "xh", cells, index === gates.length - 1 ? cells : 0),
      ),
      repeats,
    }));
  }

  /** All gates of a block of cells in a segment; `early` cells have x of the next step multiplied in this round. */
  function fused(task, early) {
    const [phase, ...rest] = task.phases;
    const block = fusedBlock(task, phase);
    const split = blocksOf(early, block);
    const whole = blocksOf(task.setting.hidden_size - early, block);
    const second = rest.flatMap((each) => {
      const blocks = blocksOf(task.setting.hidden_size, fusedBlock(task, each));
      return [...product(task, each, "x", blocks), ...product(task, each, each.operand, blocks)];
    });
    return [
      ...product(task, phase, "h", split),
      ...product(task, phase, "xh", whole),
      ...second,
      ...product(task, phase, "x", split, true),
    ];
  }

  const unfolded = (task) => fused(task, bufferedCells(task, task.phases[0]));
  const SCHEDULES = {
    sequential,
    batch,
    intergate: (task) => fused(task, 0),
    unfolded,
    interleaved: unfolded, // chains take turns
  };

  /** Cycles from the last tile of any segment to its sums: one latency for all, that of the widest tile's tree. */
  function mvmLatency(machine, runs) {
    const columns = Math.max(...runs.flatMap(({ segments }) => segments.map(({ width }) => width)));
    const treeLevels = 32 - Math.clz32(columns - 1); // ceil(log2 N)
    const { multiply, add, accumulate, levels_per_cycle: levelsPerCycle } = machine.cycles;
    return multiply + add * ceilDiv(treeLevels, levelsPerCycle) + accumulate;
  }

  /** A layer on a tile height, and the runs of its round. */
  function layOut(machine, setting, tileRows) {
    const task = makeTask(machine, setting, tileRows);
    const runs = SCHEDULES[setting.schedule](task);
    return { task: { ...task, mvm: mvmLatency(machine, runs) }, runs };
  }

  // The simulator ---------------------------------------------------------------------------------------------------

  /** The three units at cycle 0, and for each chain the cycle at which h of its last step is out. */
  function startState(task) {
    return { array: 0, activation: 0, update: 0, stall: 0, out: 0, ready: new Array(task.chains).fill(0) };
  }

  const copyState = (state) => ({ ...state, ready: state.ready.slice() });

  /** Send a segment through the units, after cycle `wait`; returns when its values are out. */
  function serve(state, segment, wait, mvm) {
    if (wait > state.array) {
      state.stall += wait - state.array;
      state.array = wait;
    }
    state.array += segment.array;
    let out = state.array + mvm;
    if (segment.activation) {
      state.activation = Math.max(state.activation, out) + segment.activation;
      out = state.activation + segment.activationLatency;
    }
    if (segment.update) {
      state.update = Math.max(state.update, out) + segment.update;
      out = state.update + segment.updateLatency;
    }
    return out;
  }

  /** All chains' segments of one round; `record(chain, step, segment, state, out)` is called after each. */
  function playRound(task, runs, round, state, record) {
    const last = task.setting.seq_len;
    for (let chain = 0; chain < task.chains; chain += 1) {
      const ready = state.ready[chain];
      let inner = 0;
      let next = ready;
      for (const { segments, repeats } of runs) {
        for (let repeat = 0; repeat < repeats; repeat += 1) {
          for (const segment of segments) {
            const step = segment.ahead ? round + 1 : round;
            if (step < 1 || step > last) continue;
            const wait = segment.waitsFor === "h" ? ready : segment.waitsFor ? inner : 0;
            const out = serve(state, segment, wait, task.mvm);
            if (segment.gives === "h") next = state.out = out;
            else if (segment.gives) inner = out;
            if (record) record(chain, step, segment, state, out);
          }
        }
      }
      state.ready[chain] = next;
    }
  }

  /** Whether two states, each relative to its array, go on in the same way; what is before the array is no matter. */
  function isSame(state, other) {
    const late = (now, cycle) => Math.max(cycle - now.array, 0);
    return (
      state.out - state.array === other.out - other.array &&
      late(state, state.activation) === late(other, other.activation) &&
      late(state, state.update) === late(other, other.update) &&
      state.ready.every((cycle, chain) => late(state, cycle) === late(other, other.ready[chain]))
    );
  }

  /** Add what happened since `before` some more times. */
  function addPeriods(state, before, periods) {
    const shift = periods * (state.array - before.array);
    state.stall += periods * (state.stall - before.stall);
    ["array", "activation", "update", "out"].forEach((name) => (state[name] += shift));
    state.ready = state.ready.map((cycle) => cycle + shift);
  }

  /** All rounds. Where the state repeats, whole periods are added instead; the checkpoint moves as Brent's does. */
  function simulate(task, runs) {
    const steps = task.setting.seq_len;
    const state = startState(task);
    playRound(task, runs, 0, state);
    let checkpoint = copyState(state);
    let since = 0;
    let limit = 1;
    for (let round = 1; round < steps; ) {
      playRound(task, runs, round, state);
      round += 1;
      since += 1;
      if (limit && isSame(state, checkpoint)) {
        const periods = Math.floor((steps - round) / since);
        addPeriods(state, checkpoint, periods);
        round += periods * since;
        limit = 0; // fewer rounds than a period are left
      } else if (since === limit) {
        checkpoint = copyState(state);
        limit *= 2;
        since = 0;
      }
    }
    playRound(task, runs, steps, state);
    return state;
  }

  // What the page shows ---------------------------------------------------------------------------------------------

  /** Total, split and utilization on one tile height, all directions and sequences. */
  function countCycles(task, runs) {
    const { machine, repeated } = task;
    const state = simulate(task, runs);
    const times = task.setting.seq_len * task.sequences;
    const segments = runs.flatMap((run) => run.segments.map((segment) => ({ segment, repeats: run.repeats })));
    const counts = { tile_rows: task.tileRows, total_cycles: repeated * state.out };
    MULTIPLIER_PARTS.forEach((part) => {
      counts[part] = times * sum(segments.map(({ segment, repeats }) => repeats * segment[part]));
    });
    counts.dependency_stall = repeated * state.stall;
    counts.fill_drain = repeated * (state.out - state.array);
    counts.utilization = counts.useful / (machine.num_macs * counts.total_cycles);
    counts.split = { ideal: counts.useful / machine.num_macs };
    MULTIPLIER_PARTS.slice(1).forEach((part) => (counts.split[part] = counts[part] / machine.num_macs));
    CYCLE_PARTS.forEach((part) => (counts.split[part] = counts[part]));
    return counts;
  }

  /** What the numbers leave out: whether weights and early sums fit their buffers. */
  function fitsOf(task, runs) {
    const { machine, setting, phases } = task;
    const early = phases.map((phase) =>
      sum(
        runs
          .filter(({ segments: [segment] }) => segment.operand === "x" && phase.gates.includes(segment.gates[0]))
          .map(({ segments: [segment], repeats }) => (repeats * segment.rows) / phase.gates.length),
      ),
    );
    const words = phases.map((phase, index) => early[index] * (phase.gates.length + phase.separate_sums));
    const gates = sum(phases.map((phase) => phase.gates.length));
    const weights = gates * setting.hidden_size * (setting.input_size + setting.hidden_size);
    const bytes = weights * (setting.bidirectional ? 2 : 1) * machine.weight_bytes;
    const ahead = runs.some(({ segments }) => segments[0].ahead) ? early[0] : 0;
    const runsAhead = setting.schedule === "unfolded" || setting.schedule === "interleaved";
    return {
      weights_bytes: bytes,
      fits_weight_buffer: bytes <= machine.weight_buffer_bytes,
      unfolded_cells: ahead,
      buffer_limits_unfolding:
        runsAhead && ahead === bufferedCells(task, phases[0]) && ahead < setting.hidden_size,
      fits_intermediate_buffer: Math.max(...words) * task.batch * task.chains <= machine.intermediate_words,
    };
  }

  /**
   * Events of the first time steps, in the order of issue.
   * @param {Machine} machine
   * @param {Setting} setting
   * @param {number} tileRows
   * @param {number} numSteps Rounds after the first input product.
   * @returns {{events: object[], h_out: number[]}} Each event has unit, chain, step, gates, operand, start, end; h_out
   *   is the cycle at which h of each step is out, of the last chain.
   */
  function makeTimeline(machine, setting, tileRows, numSteps = 2) {
    const { task, runs } = layOut(machine, setting, tileRows);
    const state = startState(task);
    const events = [];
    const hOut = [];
    const record = (chain, step, segment, units, out) => {
      for (const unit of UNITS) {
        const length = segment[unit];
        const end = units[unit];
        const { gates, operand } = segment;
        if (length) events.push({ unit, chain, step, gates, operand, start: end - length, end });
      }
      if (segment.gives === "h") hOut[step - 1] = out;
    };
    for (let round = 0; round <= Math.min(numSteps, setting.seq_len); round += 1) {
      playRound(task, runs, round, state, record);
    }
    return { events, h_out: hOut };
  }

  /**
   * Run a layer on every tile height of a machine.
   * @param {Machine} machine
   * @param {Setting} setting
   * @returns {object} `refused`: why not, in a sentence; or `candidates` (counts by tile height, ascending),
   *   `best_tile_rows`, and those of the height in use: tile_rows, total_cycles, latency_s, utilization, split, parts
   *   in multiplier-cycles and cycles, what fits which buffer.
   */
  function explore(machine, setting) {
    try {
      check(machine, setting);
      return exploreHeights(machine, setting);
    } catch (error) {
      if (error instanceof Refused) return { refused: error.message };
      throw error;
    }
  }

  function exploreHeights(machine, setting) {
    const layers = new Map();
    let refused = null;
    for (const height of machine.tile_rows) {
      try {
        const { task, runs } = layOut(machine, setting, height);
        layers.set(height, { task, runs, counts: countCycles(task, runs) });
      } catch (error) {
        if (!(error instanceof RefusedHeight)) throw error;
        if (setting.tile_rows === height) throw error;
        refused = refused || error;
      }
    }
    if (!layers.size) throw refused;
    const candidates = [...layers.values()].map((layer) => layer.counts);
    const best = candidates.reduce((a, b) => (b.total_cycles < a.total_cycles ? b : a)).tile_rows;
    const used = layers.get(setting.tile_rows === "best" ? best : setting.tile_rows);
    return {
      ...used.counts,
      ...fitsOf(used.task, used.runs),
      latency_s: used.counts.total_cycles / machine.clock_hz,
      best_tile_rows: best,
      candidates,
    };
  }

  root.SharpModel = { LIMITS, Refused, explore, machineOf, makeTimeline };
  if (typeof module !== "undefined") module.exports = root.SharpModel;
})(globalThis);
