"""What the programs and rules share: arguments, ranks, resources, status."""
