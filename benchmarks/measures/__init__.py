"""What benchmarks measure and draw beyond the library; tests of the library use it, too."""
