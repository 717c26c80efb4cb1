"""What a map is: components, pixels, geometry; the user's own; exports."""
