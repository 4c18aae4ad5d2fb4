/**
 * The explorer page: controls to a setting, a setting to drawings and to the address, and back.
 * The numbers come from model.js, the machines and colours from data.js. Classic scripts, so that file:// works.
 */
(function () {
  "use strict";

  const NUMBERS = ["input_size", "hidden_size", "seq_len", "batch_size"];
  const MENUS = ["machine", "cell", "schedule"];
  const CHECKS = ["reconfiguration", "bidirectional"];
  /** Names in the address. */
  const KEYS = {
    machine: "machine",
    macs: "macs",
    tile_rows: "k",
    reconfiguration: "padding",
    cell: "cell",
    input_size: "x",
    hidden_size: "h",
    bidirectional: "bidirectional",
    schedule: "schedule",
    seq_len: "steps",
    batch_size: "sequences",
  };
  const DEFAULTS = {
    machine: "sharp",
    macs: "64K",
    tile_rows: "best",
    reconfiguration: true,
    cell: "lstm",
    input_size: 340,
    hidden_size: 340,
    bidirectional: false,
    schedule: "unfolded",
    seq_len: 25,
    batch_size: 1,
  };
  const OTHER = "other";
  const LANES = { array: "array", activation: "activation", update: "updater" };
  const UNIT_LABELS = {
    array: "array",
    ahead: "array, products with x alone",
    activation: "activation unit",
    update: "cell updater",
  };
  const find = (name) => document.getElementById(`ex-${name}`);

  // Numbers as text -------------------------------------------------------------------------------------------------

  const integer = (number) => number.toLocaleString("en-US");
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  /** Cycles, which a part of the split may have fractions of. */
  const cyclesText = (cycles) =>
    cycles.toLocaleString("en-US", { maximumFractionDigits: cycles > 0 && cycles < 1000 ? 1 : 0 });

  function secondsText(seconds) {
    const units = [[1e9, "ns"], [1e6, "µs"], [1e3, "ms"], [1, "s"]];
    const [factor, unit] = units.find(([each]) => seconds * each < 1000) || units[3];
    return `${(seconds * factor).toPrecision(4)} ${unit}`;
  }

  // Controls and address --------------------------------------------------------------------------------------------

  /** The setting that the controls show; numbers that are not there are NaN. */
  function readControls() {
    const setting = {};
    MENUS.forEach((name) => (setting[name] = find(name).value));
    CHECKS.forEach((name) => (setting[name] = find(name).checked));
    NUMBERS.forEach((name) => (setting[name] = find(name).value === "" ? NaN : Number(find(name).value)));
    setting.macs = find("budget").value === OTHER ? find("macs").value : find("budget").value;
    setting.tile_rows = find("tile_rows").value === "best" ? "best" : Number(find("tile_rows").value);
    return setting;
  }

  function fillMenu(menu, entries, chosen) {
    menu.replaceChildren(...entries.map(([value, label]) => new Option(label, value, false, value === chosen)));
  }

  /** Make the menus fit the machine, then let all controls show a setting. */
  function showSetting(setting) {
    const machine = SharpData.machines[setting.machine];
    const budgets = Object.keys(machine.budgets);
    const macs = numberOf(machine, setting.macs);
    const label = budgets.find((each) => machine.budgets[each].num_macs === macs);
    const heights = machine.tile_rows.map(String);
    if (!isHeight(machine, setting.tile_rows)) heights.push(String(setting.tile_rows)); // of an address; refused
    fillMenu(find("budget"), [...budgets.map((each) => [each, each]), [OTHER, "other"]], label || OTHER);
    fillMenu(find("tile_rows"), [["best", "best"], ...heights.map((each) => [each, each])], String(setting.tile_rows));
    MENUS.forEach((name) => (find(name).value = setting[name]));
    CHECKS.forEach((name) => (find(name).checked = setting[name]));
    NUMBERS.forEach((name) => (find(name).value = slider(name).value = setting[name]));
    const step = machine.tile_rows.at(-1);
    Object.assign(find("macs"), { min: step, step, value: macs });
  }

  const isHeight = (machine, height) => height === "best" || machine.tile_rows.includes(height);
  const slider = (name) => find(name).parentElement.querySelector("input[type=range]");

  /** MACs as a number for its input, "" where they are none. */
  function numberOf(machine, macs) {
    try {
      return SharpModel.machineOf(machine, macs).num_macs;
    } catch {
      return /^\d+$/.test(macs) ? macs : "";
    }
  }

  /** The setting as the part of the address behind "#". */
  function fragmentOf(setting) {
    const pairs = Object.entries(KEYS).map(([name, key]) => {
      const value = CHECKS.includes(name) ? (setting[name] ? "on" : "off") : setting[name];
      return `${key}=${encodeURIComponent(value)}`;
    });
    return `#${pairs.join("&")}`;
  }

  /** A setting from the address, with what it does not say by default; null where it says nothing of one. */
  function settingFrom(fragment) {
    const given = new URLSearchParams(fragment.replace(/^#/, ""));
    const names = Object.keys(KEYS).filter((name) => given.has(KEYS[name]));
    if (!names.length) return null;
    const setting = { ...DEFAULTS };
    for (const name of names) {
      const value = given.get(KEYS[name]);
      const isThere = () => [...find(name).options].some((each) => each.value === value);
      if (MENUS.includes(name)) setting[name] = isThere() ? value : DEFAULTS[name];
      else if (CHECKS.includes(name)) setting[name] = ["on", "off"].includes(value) ? value === "on" : DEFAULTS[name];
      else if (name === "macs") setting[name] = value.toUpperCase();
      else if (name === "tile_rows") setting[name] = /^\d{1,6}$/.test(value) ? Number(value) : "best";
      else setting[name] = /^\d{1,9}$/.test(value) ? Number(value) : DEFAULTS[name];
    }
    return setting;
  }

  // Drawings --------------------------------------------------------------------------------------------------------

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children);
    return made;
  }

  const swatch = (color) =>
    element("span", { class: "ex-swatch", style: `background:${color}`, "aria-hidden": "true" });

  /** Pieces of a stacked bar of the split; what the parts leave of `whole` stays empty. */
  function piecesOf(split, whole) {
    return Object.entries(split).map(([part, cycles]) =>
      element("span", { style: `width:${(100 * cycles) / whole}%;background:${SharpData.split_colors[part]}` }),
    );
  }

  function drawHeadline(result) {
    find("utilization").textContent = percent(result.utilization);
    find("total").textContent = integer(result.total_cycles);
    find("latency").textContent = secondsText(result.latency_s);
    const best = result.tile_rows === result.best_tile_rows ? "best" : `best is ${result.best_tile_rows}`;
    find("height").replaceChildren(`${result.tile_rows} `, element("small", {}, best));
  }

  function notesOf(machine, result, setting) {
    const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
    const notes = [];
    if (!result.fits_weight_buffer) {
      notes.push(
        `The weights, ${mebibytes(result.weights_bytes)} MiB, do not fit the weight buffer of ` +
          `${mebibytes(machine.weight_buffer_bytes)} MiB; the cycles assume that they do.`,
      );
    }
    if (result.buffer_limits_unfolding) {
      notes.push(
        `Products with x run ahead for ${integer(result.unfolded_cells)} of ${integer(setting.hidden_size)} cells: ` +
          "the intermediate buffer does not hold the sums of more.",
      );
    }
    if (!result.fits_intermediate_buffer) {
      notes.push(
        "The intermediate buffer does not hold all sums that wait for another product; the cycles assume that it does.",
      );
    }
    if (setting.schedule === "interleaved" && setting.batch_size === 1 && !setting.bidirectional) {
      notes.push("One sequence in one direction has nobody to take turns with: interleaved is unfolded here.");
    }
    return notes;
  }

  function drawSplit(result) {
    const total = result.total_cycles;
    const parts = Object.entries(result.split);
    const rows = parts.map(([part, cycles]) => {
      const name = element("th", { scope: "row" }, swatch(SharpData.split_colors[part]), SharpData.split_labels[part]);
      return element("tr", {}, name, element("td", {}, cyclesText(cycles)), element("td", {}, percent(cycles / total)));
    });
    find("split").tBodies[0].replaceChildren(...rows);
    find("bar").replaceChildren(...piecesOf(result.split, total));
    const shares = parts.map(([part, cycles]) => `${SharpData.split_labels[part]} ${percent(cycles / total)}`);
    find("bar").setAttribute("aria-label", `Split of ${integer(total)} cycles: ${shares.join(", ")}`);
  }

  function drawHeights(result) {
    const most = Math.max(...result.candidates.map((each) => each.total_cycles));
    const rows = result.candidates.map((each) => {
      const height = element("th", { scope: "row" }, String(each.tile_rows));
      if (each.tile_rows === result.best_tile_rows) height.append(element("span", { class: "ex-tag" }, "★ best"));
      const row = element(
        "tr",
        {},
        height,
        element("td", {}, element("div", { class: "ex-bar", "aria-hidden": "true" }, ...piecesOf(each.split, most))),
        element("td", {}, integer(each.total_cycles)),
        element("td", {}, percent(each.utilization)),
      );
      if (each.tile_rows === result.tile_rows) row.setAttribute("aria-current", "true");
      return row;
    });
    find("heights").tBodies[0].replaceChildren(...rows);
  }

  /**
   * Bars of a lane as one path a fill; those too close to tell apart become one, paler where much of it is waiting.
   * Keys are "colour opacity".
   */
  function pathsOf(events, scale, top, height) {
    const paths = new Map();
    const open = new Map();
    const close = (bar) => {
      const length = bar.end - bar.start;
      const width = Math.max(length - (length > 3 ? 0.7 : 0), 0.6); // a gap shows where a segment ends
      const key = `${bar.color} ${(bar.chain % 2 ? 0.55 : 1) * (length > 3 && bar.busy < 0.75 * length ? 0.6 : 1)}`;
      const path = `M${bar.start.toFixed(2)} ${top}h${width.toFixed(2)}v${height}h${-width.toFixed(2)}z`;
      paths.set(key, (paths.get(key) || "") + path);
    };
    for (const event of events) {
      const { chain } = event;
      const color = event.operand === "x" ? "ahead" : event.unit;
      const start = scale(event.start);
      const end = scale(event.end);
      const narrow = end - start < 3;
      const last = open.get(color);
      if (last && last.chain === chain && last.narrow && narrow && start - last.end < 1.5) {
        last.end = end;
        last.busy += end - start;
      } else {
        if (last) close(last);
        open.set(color, { color, chain, start, end, narrow, busy: end - start });
      }
    }
    open.forEach(close);
    return paths;
  }

  /** Round steps of the axis, at most `count`. */
  function ticksOf(last, count) {
    const rough = last / count;
    const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    return Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step);
  }

  function drawTimeline(timeline, result) {
    const box = find("timeline");
    const left = 66;
    const width = Math.max(box.clientWidth, 200);
    const last = Math.max(...timeline.h_out, timeline.events.reduce((end, event) => Math.max(end, event.end), 0));
    const scale = (cycle) => left + ((width - left - 12) * cycle) / last;
    const parts = [];
    Object.entries(LANES).forEach(([unit, label], index) => {
      const top = 22 + 36 * index;
      parts.push(`<rect class="ex-lane" x="${left}" y="${top}" width="${width - left - 12}" height="28"/>`);
      parts.push(`<text x="0" y="${top + 18}">${label}</text>`);
      const events = timeline.events.filter((event) => event.unit === unit);
      pathsOf(events, scale, top, 28).forEach((path, key) => {
        const [name, opacity] = key.split(" ");
        parts.push(`<path d="${path}" fill="${SharpData.unit_colors[name]}" fill-opacity="${opacity}"/>`);
      });
    });
    timeline.h_out.forEach((cycle, index) => {
      const at = scale(cycle);
      const anchor = at > width - 60 ? "end" : "middle";
      parts.push(`<line class="ex-out" x1="${at}" x2="${at}" y1="18" y2="126"/>`);
      parts.push(`<text x="${anchor === "end" ? width : at}" y="12" text-anchor="${anchor}">h${index + 1} out</text>`);
    });
    ticksOf(last, width / 90).forEach((cycle) => {
      const at = scale(cycle);
      parts.push(`<path class="ex-axis" d="M${at} 128v5"/>`);
      parts.push(`<text x="${at}" y="147" text-anchor="middle">${integer(cycle)}</text>`);
    });
    parts.push(`<path class="ex-axis" d="M${left} 128H${width - 12}"/>`);
    parts.push(`<text x="${(left + width - 12) / 2}" y="165" text-anchor="middle">cycles</text>`);
    const text = timelineText(timeline, result);
    const frame = `role="img" aria-label="${text}" height="170" viewBox="0 0 ${width} 170"`;
    box.innerHTML = `<svg ${frame}>${parts.join("")}</svg>`;
    find("timeline-text").textContent = text;
  }

  function timelineText(timeline, result) {
    const steps = timeline.h_out.map((cycle, index) => `h of step ${index + 1} is out at cycle ${integer(cycle)}`);
    const chains = timeline.events.some((event) => event.chain) ? " Every second chain is paler." : "";
    return `On tiles of ${result.tile_rows} rows ${steps.join(", ")}.${chains}`;
  }

  function commandOf(setting) {
    const words = ["sharp run", `--cell ${setting.cell.replace("-reset-before", "")}`];
    if (setting.cell === "gru-reset-before") words.push("--reset-before");
    words.push(`--input ${setting.input_size} --hidden ${setting.hidden_size}`);
    if (setting.bidirectional) words.push("--bidirectional");
    words.push(`--steps ${setting.seq_len}`);
    if (setting.batch_size > 1) words.push(`--batch ${setting.batch_size}`);
    words.push(`--accelerator ${setting.machine} --macs ${setting.macs} --schedule ${setting.schedule}`);
    words.push(setting.reconfiguration ? "--reconfiguration" : "--no-reconfiguration");
    words.push(`--tile-rows ${setting.tile_rows}`);
    return words.join(" ");
  }

  // The page --------------------------------------------------------------------------------------------------------

  let pending = 0; // an animation frame
  let settling = 0; // a timer
  let isChanged = false; // by the reader, so that the address has to follow

  /** Run the model and draw; the time that it took is kept for whoever wants to know. */
  function redraw() {
    pending = 0;
    const begun = performance.now();
    const setting = readControls();
    find("other-macs").hidden = find("budget").value !== OTHER;
    const { machine, result } = run(setting);
    NUMBERS.forEach((name) => find(name).setAttribute("aria-invalid", String(!isWithin(name, setting[name]))));
    find("refused").hidden = !result.refused;
    find("refused").textContent = result.refused || "";
    ["results", "headline"].forEach((name) => find(name).classList.toggle("ex-stale", Boolean(result.refused)));
    if (!result.refused) {
      drawHeadline(result);
      find("notes").replaceChildren(...notesOf(machine, result, setting).map((note) => element("li", {}, note)));
      drawSplit(result);
      drawTimeline(SharpModel.makeTimeline(machine, setting, result.tile_rows), result);
      drawHeights(result);
      find("command").textContent = commandOf(setting);
    }
    document.getElementById("sharp-explorer").dataset.redrawMs = (performance.now() - begun).toFixed(2);
    clearTimeout(settling);
    settling = setTimeout(() => settle(setting, result), 250);
  }

  const isWithin = (name, value) => Number.isInteger(value) && value >= 1 && value <= SharpModel.LIMITS[name];

  function run(setting) {
    try {
      const machine = SharpModel.machineOf(SharpData.machines[setting.machine], setting.macs);
      return { machine, result: SharpModel.explore(machine, setting) };
    } catch (error) {
      if (error instanceof SharpModel.Refused) return { result: { refused: error.message } };
      throw error;
    }
  }

  /** Once the reader rests: the address, and a sentence for screen readers. */
  function settle(setting, result) {
    const isWhole = NUMBERS.every((name) => Number.isInteger(setting[name]));
    if (isChanged && isWhole) history.replaceState(null, "", fragmentOf(setting));
    const { total_cycles: cycles, utilization, tile_rows: height } = result;
    find("status").textContent = result.refused
      ? ""
      : `${integer(cycles)} cycles, utilization ${percent(utilization)}, tile height ${height}`;
  }

  function redrawSoon() {
    pending = pending || requestAnimationFrame(redraw);
  }

  /** A machine brings the schedule and the reconfiguration that it is run with. */
  function changeMachine() {
    const setting = readControls();
    const machine = SharpData.machines[setting.machine];
    const height = isHeight(machine, setting.tile_rows) ? setting.tile_rows : "best";
    showSetting({ ...setting, ...machine.plan, tile_rows: height });
    redrawSoon();
  }

  function changeBudget() {
    const budget = find("budget").value;
    if (budget !== OTHER) find("macs").value = numberOf(SharpData.machines[find("machine").value], budget);
    redrawSoon();
  }

  /** What the address says; other fragments are places of the page. */
  function openAddress() {
    const setting = settingFrom(location.hash);
    if (!setting) return;
    isChanged = false;
    showSetting(setting);
    redrawSoon();
  }

  async function copyLink() {
    const setting = readControls();
    if (NUMBERS.some((name) => !Number.isInteger(setting[name]))) return; // an empty field, about to be filled
    history.replaceState(null, "", fragmentOf(setting));
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      said = "See address";
    }
    find("copy").textContent = find("status").textContent = said;
    setTimeout(() => (find("copy").textContent = "Copy link"), 2000);
  }

  function connect(root) {
    NUMBERS.forEach((name) => {
      const range = slider(name);
      find(name).max = range.max = SharpModel.LIMITS[name];
      range.addEventListener("input", () => (find(name).value = range.value));
      find(name).addEventListener("input", () => (range.value = find(name).value));
    });
    root.addEventListener("input", (event) => {
      isChanged = true;
      if (event.target === find("machine")) changeMachine();
      else if (event.target === find("budget")) changeBudget();
      else redrawSoon();
    });
    root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    find("copy").addEventListener("click", copyLink);
    find("reset").addEventListener("click", () => {
      isChanged = true;
      showSetting(DEFAULTS);
      redrawSoon();
    });
    window.addEventListener("hashchange", openAddress);
    new ResizeObserver(redrawSoon).observe(find("timeline"));
  }

  function drawLegend() {
    const entries = Object.entries(UNIT_LABELS);
    find("legend").replaceChildren(
      ...entries.map(([unit, label]) => element("li", {}, swatch(SharpData.unit_colors[unit]), label)),
    );
  }

  function start() {
    const root = document.getElementById("sharp-explorer");
    if (!root || root.dataset.started) return; // another page of the book, or the script is there twice
    root.dataset.started = "yes";
    connect(root);
    drawLegend();
    showSetting(DEFAULTS);
    openAddress();
    redrawSoon();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
