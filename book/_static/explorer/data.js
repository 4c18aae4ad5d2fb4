// Generated from sharp/data/accelerators and sharp/artifact/plotting.py: `python tests/test_explorer.py`.
globalThis.SharpData = {
  "machines": {
    "sharp": {
      "num_macs": 65536,
      "clock_hz": 500000000,
      "tile_rows": [
        32,
        64,
        128,
        256
      ],
      "activation_lanes": 64,
      "rows_per_update_lane": 4,
      "intermediate_words": 6144,
      "weight_bytes": 2,
      "weight_buffer_bytes": 27262976,
      "cycles": {
        "250000000": {
          "multiply": 1,
          "add": 1,
          "accumulate": 1,
          "activation": 8,
          "update": 9,
          "levels_per_cycle": 1
        },
        "500000000": {
          "multiply": 1,
          "add": 1,
          "accumulate": 1,
          "activation": 15,
          "update": 18,
          "levels_per_cycle": 1
        }
      },
      "budgets": {
        "1K": {
          "num_macs": 1024,
          "clock_hz": 500000000
        },
        "4K": {
          "num_macs": 4096,
          "clock_hz": 500000000
        },
        "16K": {
          "num_macs": 16384,
          "clock_hz": 500000000
        },
        "64K": {
          "num_macs": 65536,
          "clock_hz": 500000000
        },
        "96K": {
          "num_macs": 96000,
          "clock_hz": 250000000
        }
      },
      "plan": {
        "schedule": "unfolded",
        "reconfiguration": true
      }
    },
    "epur": {
      "num_macs": 65536,
      "clock_hz": 500000000,
      "tile_rows": [
        32
      ],
      "activation_lanes": 64,
      "rows_per_update_lane": 4,
      "intermediate_words": 6144,
      "weight_bytes": 2,
      "weight_buffer_bytes": 27262976,
      "cycles": {
        "250000000": {
          "multiply": 1,
          "add": 1,
          "accumulate": 1,
          "activation": 8,
          "update": 9,
          "levels_per_cycle": 1
        },
        "500000000": {
          "multiply": 1,
          "add": 1,
          "accumulate": 1,
          "activation": 15,
          "update": 18,
          "levels_per_cycle": 1
        }
      },
      "budgets": {
        "1K": {
          "num_macs": 1024,
          "clock_hz": 500000000
        },
        "4K": {
          "num_macs": 4096,
          "clock_hz": 500000000
        },
        "16K": {
          "num_macs": 16384,
          "clock_hz": 500000000
        },
        "64K": {
          "num_macs": 65536,
          "clock_hz": 500000000
        },
        "96K": {
          "num_macs": 96000,
          "clock_hz": 250000000
        }
      },
      "plan": {
        "schedule": "sequential",
        "reconfiguration": false
      }
    },
    "epur-intergate": {
      "num_macs": 65536,
      "clock_hz": 500000000,
      "tile_rows": [
        32
      ],
      "activation_lanes": 64,
      "rows_per_update_lane": 4,
      "intermediate_words": 6144,
      "weight_bytes": 2,
      "weight_buffer_bytes": 27262976,
      "cycles": {
        "250000000": {
          "multiply": 1,
          "add": 1,
          "accumulate": 1,
          "activation": 8,
          "update": 9,
          "levels_per_cycle": 1
        },
        "500000000": {
          "multiply": 1,
          "add": 1,
          "accumulate": 1,
          "activation": 15,
          "update": 18,
          "levels_per_cycle": 1
        }
      },
      "budgets": {
        "1K": {
          "num_macs": 1024,
          "clock_hz": 500000000
        },
        "4K": {
          "num_macs": 4096,
          "clock_hz": 500000000
        },
        "16K": {
          "num_macs": 16384,
          "clock_hz": 500000000
        },
        "64K": {
          "num_macs": 65536,
          "clock_hz": 500000000
        },
        "96K": {
          "num_macs": 96000,
          "clock_hz": 250000000
        }
      },
      "plan": {
        "schedule": "intergate",
        "reconfiguration": false
      }
    }
  },
  "split_colors": {
    "ideal": "#009E73",
    "column_padding": "#56B4E9",
    "row_padding": "#0072B2",
    "dependency_stall": "#D55E00",
    "fill_drain": "#F0E442"
  },
  "split_labels": {
    "ideal": "ideal",
    "column_padding": "column padding",
    "row_padding": "row padding",
    "dependency_stall": "dependency stall",
    "fill_drain": "fill and drain"
  },
  "unit_colors": {
    "array": "#0072B2",
    "activation": "#E69F00",
    "update": "#009E73",
    "ahead": "#CC79A7"
  }
};
if (typeof module !== "undefined") module.exports = globalThis.SharpData;
