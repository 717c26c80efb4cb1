"""Sets of maps made from others: observed, picked, paired."""
