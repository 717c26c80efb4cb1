"""The symmetry of a scan: more covariance from the same few maps."""
