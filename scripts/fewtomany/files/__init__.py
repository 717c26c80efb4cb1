"""Files of products: whole or not there, with digests and provenance."""
