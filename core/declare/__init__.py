"""What authors write with: declarations that remember where they stand and do nothing else."""
