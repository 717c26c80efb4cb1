"""Statistics of the maps of one file: means and scatters, which add up over files."""
