"""Covariance models against a truth: distances, and how many true maps they are worth."""
