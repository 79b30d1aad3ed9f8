"""How good predictions are: numbers from probabilities and targets, nothing else."""
