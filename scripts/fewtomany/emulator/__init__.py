"""The generative model: new maps that share the inputs' scattering statistics."""
