"""What inputs that were held out say of the covariances made from the others."""
