"""What every training run shares: configuration, schedule, loop, saved state, metrics."""
