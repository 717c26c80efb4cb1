"""Comparison of datasets with the truth: pure statistics, their judgement, their container."""
