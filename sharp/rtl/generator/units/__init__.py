"""The units that compute, one file each: emitted once, placed many times."""
