"""What the benchmarks share: the work to do, the workers that do it, the machine, the tables."""
