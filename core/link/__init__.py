"""From declarations to frozen, checked values that are safe to run."""
