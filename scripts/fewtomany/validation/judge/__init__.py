"""From numbers to a verdict: every dataset against the truth, or against its own inputs."""
