"""Load trained networks and ask them for probabilities."""
