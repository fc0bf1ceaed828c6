"""Everything that talks to MongoDB or the cache; the driver is imported nowhere else."""
