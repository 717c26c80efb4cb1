"""Power spectra and isotropic maps, on the sphere, planes and lines."""
