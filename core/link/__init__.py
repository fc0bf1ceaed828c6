"""From declarations to frozen values that are safe to run: chains, needs, preconditions, urls."""
